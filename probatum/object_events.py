"""Events of a bucket, from a queue: hints that something was dropped, so that nobody waits for the next schedule.

    waiting(queue_url)  -> Waiting(hints=(Hint(bucket="dropzone", key="formulary/list v2.csv", receipt="AQEB…"),), set_aside=0)
    done(queue_url, hints)                                  after what they led to is committed, never before

Events come more than once, in any order, or not at all (a delete in a bucket with versions sends none): the listing is the
truth. What cannot be understood is left in the queue, for its own rule about dead letters, and counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

import orjson

from probatum.errors import Misconfigured
from probatum.objects.aws import client, told

_MESSAGES = 1000  # looked at in one go; the listing finds what the rest would have said
_A_TIME = 10  # the most the service gives or takes
_WAIT_S = 1


@dataclass(frozen=True)
class Hint:
    bucket: str
    key: str  # the whole key in the bucket, decoded
    receipt: str  # several hints may come in one message, with one receipt


@dataclass(frozen=True)
class Waiting:
    hints: tuple[Hint, ...]
    set_aside: int  # messages that are no event of a bucket


def waiting(queue_url: str) -> Waiting:
    """What the queue hints at now. A test event, which a bucket sends once when it is told of the queue, is thrown away."""
    sqs, where = _queue(queue_url)
    hints: list[Hint] = []
    seen: set[str] = set()
    tests, set_aside = [], 0
    while len(seen) < _MESSAGES:
        with told("ReceiveMessage", where):
            answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=_A_TIME, WaitTimeSeconds=_WAIT_S)
        messages = [m for m in answer.get("Messages", ()) if m["MessageId"] not in seen]
        if not messages:
            break
        for message in messages:
            seen.add(message["MessageId"])
            pairs = objects_in(message["Body"])
            if pairs is None:
                set_aside += 1
            elif not pairs:
                tests.append(Hint("", "", message["ReceiptHandle"]))
            else:
                hints += [Hint(bucket, key, message["ReceiptHandle"]) for bucket, key in pairs]
    done(queue_url, tests)
    return Waiting(tuple(hints), set_aside)


def done(queue_url: str, hints: Iterable[Hint]) -> int:
    """Take the messages of these hints off the queue; returns how many went. One that stays comes again, and does no harm."""
    sqs, where = _queue(queue_url)
    receipts, gone = list(dict.fromkeys(hint.receipt for hint in hints)), 0
    for begin in range(0, len(receipts), _A_TIME):
        entries = [{"Id": str(n), "ReceiptHandle": r} for n, r in enumerate(receipts[begin : begin + _A_TIME])]
        with told("DeleteMessageBatch", where):
            answer = sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)
        gone += len(answer.get("Successful", ()))
    return gone


def objects_in(body: str) -> list[tuple[str, str]] | None:
    """(bucket, key) pairs of a message: none for a test event, None for what is no event of a bucket.

    Straight from S3 (also by way of SNS) keys are URL-encoded, with "+" for a space; from EventBridge they are as they are.
    """
    try:
        said = orjson.loads(body)
        if said.get("Type") == "Notification":
            said = orjson.loads(said["Message"])
        if said.get("Event") == "s3:TestEvent":
            return []
        if said.get("source") == "aws.s3":
            pairs = [(said["detail"]["bucket"]["name"], said["detail"]["object"]["key"])]
        else:
            found = [record["s3"] for record in said["Records"] if record["eventSource"] in ("aws:s3", "minio:s3")]
            pairs = [(s3["bucket"]["name"], unquote_plus(s3["object"]["key"], errors="strict")) for s3 in found]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return pairs if pairs and all(isinstance(part, str) and part for pair in pairs for part in pair) else None


def _queue(queue_url: str):
    parts = urlsplit(queue_url)
    if not parts.hostname or not parts.path.strip("/"):
        raise Misconfigured("That is no address of a queue.", next="Use the URL that the service shows for it.")
    labels = parts.hostname.split(".")
    amazon = labels[0] == "sqs" and "amazonaws" in labels
    region = labels[1] if amazon else None
    endpoint = "" if amazon else f"{parts.scheme}://{parts.netloc}"
    return client("sqs", endpoint=endpoint, region=region), f"queue {parts.path.rsplit('/', 1)[-1]}"
