"""Do the example policies give exactly the rights that the code uses, and owners none over receipts?"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEEDED_FOR = {  # the call of the code: the rights it takes
    "ListObjectsV2": {"s3:ListBucket"},
    "ListObjectVersions": {"s3:ListBucketVersions"},
    "GetBucketVersioning": {"s3:GetBucketVersioning"},
    "GetObject": {"s3:GetObject", "s3:GetObjectVersion"},
    "HeadObject": {"s3:GetObject", "s3:GetObjectVersion"},
    "GetObjectTagging": {"s3:GetObjectTagging", "s3:GetObjectVersionTagging"},
    "PutObject": {"s3:PutObject"},
    "ReceiveMessage": {"sqs:ReceiveMessage"},
    "DeleteMessageBatch": {"sqs:DeleteMessage"},
}
NOT_CALLED = {"DeleteObject"}  # part of the interface; no step of a refresh deletes anything of an owner's


def policy(name: str) -> list[dict]:
    return json.loads((ROOT / "deploy" / f"drop-zone-{name}-policy.json").read_text("utf-8"))["Statement"]


def rights(name: str) -> set[str]:
    return {action for statement in policy(name) for action in statement["Action"]}


def test_the_worker_may_do_what_the_code_calls_and_nothing_else():
    """P38: least rights; a new call in the code must show up here, and a right nobody uses must go."""
    code = "".join(
        (ROOT / "probatum" / name).read_text("utf-8")
        for name in ("objects/s3.py", "objects/aws.py", "object_events.py")
    )
    called = set(re.findall(r'"((?:Get|Put|List|Head|Delete|Receive)[A-Z][A-Za-z0-9]+)"', code)) - NOT_CALLED
    assert called and called <= NEEDED_FOR.keys()
    assert {right for call in called for right in NEEDED_FOR[call]} | {"kms:Decrypt", "kms:GenerateDataKey"} == rights(
        "worker"
    )


def test_the_worker_writes_receipts_only_and_the_owner_everything_but():
    writes = [s["Resource"] for s in policy("worker") if "s3:PutObject" in s["Action"]]
    assert writes == ["arn:aws:s3:::DROPZONE/*/receipts/*"]
    owned = [s["Resource"] for s in policy("owner") if "s3:PutObject" in s["Action"]]
    assert owned == ["arn:aws:s3:::DROPZONE/guidelines/incoming/*"]


def test_nothing_goes_over_an_open_line():
    """P40: the bucket itself refuses what is not encrypted in transit."""
    (statement,) = policy("bucket")
    assert statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
