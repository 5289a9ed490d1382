"""What is peculiar to buckets: versions, multipart ETags, odd keys, tags, many keys, and every way a server says no."""

import os
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime

import pytest
from http_servers import serving
from moto.s3.models import s3_backends
from s3_servers import BUCKET, ENVIRONMENT, make_bucket, moto_server, raw_client, rclone_server

from probatum.errors import Misconfigured, Rejected, Retryable
from probatum.objects import Object, is_version, store_at

LIMIT = 64 << 20
ODD_KEYS = [
    "a//b.csv",
    "//c.csv",
    "./d.csv",
    "../e.csv",
    "a/../f.csv",
    "..",
    "h\\i.csv",
    " j ",
    "+",
    "%2F",
]


@pytest.fixture(scope="module")
def moto():
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=[False, True], ids=["no versions", "versions"])
def bucket(request, moto) -> str:
    name = f"b-{uuid.uuid4().hex}"
    make_bucket(moto, name, versions=request.param)
    return name


def listed(bucket, endpoint, prefix=""):
    return {found.key: found for found in store_at(f"s3://{bucket}/{prefix}", endpoint=endpoint).list()}


def test_any_legal_key_is_listed_and_fetched_and_written_as_it_is(bucket, moto, tmp_path):
    s3, store = raw_client("s3", moto), store_at(f"s3://{bucket}", endpoint=moto)
    for key in ODD_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    found = listed(bucket, moto)
    assert set(found) == set(ODD_KEYS)
    for key in ODD_KEYS:
        store.fetch(found[key], tmp_path / "got", limit_bytes=LIMIT)
        assert (tmp_path / "got").read_bytes() == key.encode()
        store.put(key, b"receipt", "text/plain")
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"receipt" == store.get(key)


def test_folder_markers_and_neighbours_of_the_prefix_are_not_listed(bucket, moto):
    s3 = raw_client("s3", moto)
    for key in ("inbox/", "inbox/sub/", "inbox/a.csv", "inbox2/b.csv", "inbox", "other/c.csv"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    assert set(listed(bucket, moto, "inbox/")) == set(listed(bucket, moto, "inbox")) == {"a.csv"}


def test_of_many_versions_the_current_one_is_listed_and_a_deleted_key_is_not(moto, tmp_path):
    name = f"b-{uuid.uuid4().hex}"
    make_bucket(moto, name, versions=True)
    s3, store = raw_client("s3", moto), store_at(f"s3://{name}", endpoint=moto)
    written = [s3.put_object(Bucket=name, Key="a", Body=b"%d" % n)["VersionId"] for n in range(5)]
    s3.put_object(Bucket=name, Key="b", Body=b"x")
    s3.delete_object(Bucket=name, Key="b")
    s3.put_object(Bucket=name, Key="c", Body=b"x")
    s3.delete_object(Bucket=name, Key="c")
    s3.put_object(Bucket=name, Key="c", Body=b"back")
    found = listed(name, moto)
    assert set(found) == {"a", "c"} and found["a"].version == written[-1] and is_version(found["a"])
    s3.delete_object(Bucket=name, Key="a")
    store.fetch(found["a"], tmp_path / "got", limit_bytes=LIMIT)
    assert (tmp_path / "got").read_bytes() == b"4"
    s3.delete_object(Bucket=name, Key="a", VersionId=written[-1])
    with pytest.raises(Retryable):
        store.fetch(found["a"], tmp_path / "got", limit_bytes=LIMIT)


def test_an_object_of_a_time_without_versions_is_held_by_its_etag(moto, tmp_path):
    """Its version is "null" for everybody who writes there, so it names nothing."""
    name = f"b-{uuid.uuid4().hex}"
    make_bucket(moto, name, versions=False)
    s3, store = raw_client("s3", moto), store_at(f"s3://{name}", endpoint=moto)
    s3.put_object(Bucket=name, Key="a", Body=b"one")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    old = listed(name, moto)["a"]
    assert not is_version(old)
    store.fetch(old, tmp_path / "got", limit_bytes=LIMIT)
    s3.put_object(Bucket=name, Key="a", Body=b"two")
    with pytest.raises(Retryable):
        store.fetch(old, tmp_path / "got", limit_bytes=LIMIT)


def test_an_object_that_came_in_parts_is_fetched_whole_though_its_etag_is_no_hash(bucket, moto, tmp_path):
    s3, parts = raw_client("s3", moto), [os.urandom(5 << 20), os.urandom(1000)]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    asked = {"Bucket": bucket, "Key": "big", "UploadId": upload}
    done = [
        {"PartNumber": n, "ETag": s3.upload_part(**asked, PartNumber=n, Body=part)["ETag"]}
        for n, part in enumerate(parts, 1)
    ]
    s3.complete_multipart_upload(**asked, MultipartUpload={"Parts": done})
    found = listed(bucket, moto)["big"]
    assert found.etag.endswith("-2") and found.size == sum(map(len, parts))
    store_at(f"s3://{bucket}", endpoint=moto).fetch(found, tmp_path / "got", limit_bytes=LIMIT)
    assert (tmp_path / "got").read_bytes() == b"".join(parts)


def test_tags_and_metadata_are_read_of_the_version_that_was_listed(moto):
    name = f"b-{uuid.uuid4().hex}"
    make_bucket(moto, name, versions=True)
    s3, store = raw_client("s3", moto), store_at(f"s3://{name}", endpoint=moto)
    s3.put_object(Bucket=name, Key="a b", Body=b"1", Metadata={"owner": "meta", "note": "x"}, Tagging="owner=tag&v=1")
    first = listed(name, moto)["a b"]
    s3.put_object(Bucket=name, Key="a b", Body=b"2")
    assert store.tags(first) == {"owner": "tag", "note": "x", "v": "1"}
    assert store.tags(listed(name, moto)["a b"]) == {}


LIST = """
import resource, sys
from probatum.objects import store_at
seen, early = 0, 0
for found in store_at(sys.argv[1], endpoint=sys.argv[2]).list():
    assert found.key == f"{seen:05d} ü+%.csv"
    seen += 1
    if seen == 2000:
        early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(seen, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - early)
"""


@pytest.mark.slow
def test_fifty_thousand_keys_are_listed_page_by_page_in_bounded_memory(moto):
    """The listing holds a page at a time; who lists forty-eight thousand more keys takes no more memory for it."""
    name = f"b-{uuid.uuid4().hex}"
    make_bucket(moto, name, versions=False)
    backend = s3_backends["123456789012"]["aws"]
    for n in range(50_000):  # behind the server's back: over HTTP it would take ten minutes
        backend.put_object(name, f"in/{n:05d} ü+%.csv", b"")
    listing = subprocess.run(
        [sys.executable, "-c", LIST, f"s3://{name}/in/", moto], capture_output=True, text=True, timeout=500
    )
    backend.buckets.pop(name)
    assert listing.returncode == 0, listing.stderr
    seen, grown_kib = map(int, listing.stdout.split())
    assert seen == 50_000 and grown_kib < 8 << 10  # a list of them would be some 25 MiB


def test_a_listing_in_pages_misses_nothing_and_repeats_nothing(bucket, moto):
    backend = s3_backends["123456789012"]["aws"]
    for n in range(1_200):
        backend.put_object(bucket, f"in/{n:04d}", b"")
    for n in range(0, 1_200, 10):
        backend.put_object(bucket, f"in/{n:04d}", b"again")
    found = list(store_at(f"s3://{bucket}/in/", endpoint=moto).list())
    assert [each.key for each in found] == [f"{n:04d}" for n in range(1_200)]
    assert [each.size for each in found] == [5 if n % 10 == 0 else 0 for n in range(1_200)]


def test_what_is_put_is_encrypted_with_the_key_that_is_set(moto):
    name = f"b-{uuid.uuid4().hex}"
    make_bucket(moto, name, versions=False)
    store_at(f"s3://{name}/out", endpoint=moto, kms_key="alias/receipts").put("a b.json", b"{}", "application/json")
    said = raw_client("s3", moto).head_object(Bucket=name, Key="out/a b.json")
    assert said["ServerSideEncryption"] == "aws:kms" and said["SSEKMSKeyId"] == "alias/receipts"
    assert said["ContentType"] == "application/json"


# How a server says no


def answers(status, code, message="no", **headers):
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()

    def answer(handler):
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Content-Type": "application/xml", **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.mark.parametrize(
    ("status", "code", "kind", "said"),
    [
        (403, "AccessDenied", Misconfigured, "Allow s3:GetBucketVersioning, and no more."),
        (403, "InvalidAccessKeyId", Misconfigured, "Renew them"),
        (403, "SignatureDoesNotMatch", Misconfigured, "Renew them"),
        (400, "ExpiredToken", Misconfigured, "Renew them"),
        (404, "NoSuchBucket", Misconfigured, "There is no bucket dropzone"),
        (503, "SlowDown", Retryable, "was put off (SlowDown)"),
        (500, "InternalError", Retryable, "was put off"),
        (429, "TooManyRequestsException", Retryable, "was put off"),
        (400, "Strange", Rejected, "was refused (Strange)"),
    ],
)
def test_a_refusal_says_what_to_do(monkeypatch, status, code, kind, said):
    """P51: a right to add, a credential to renew, a bucket to name, or a time to wait."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")  # the setting of our own holds: see the number of requests
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with serving(answers(status, code, "secret words of the server")) as server, pytest.raises(kind) as refused:
        list(store_at("s3://dropzone/", endpoint=server.url).list())
    assert said in str(refused.value) and type(refused.value) is kind
    assert "secret" not in str(refused.value) and ENVIRONMENT["AWS_ACCESS_KEY_ID"] not in str(refused.value)
    assert len(server.asked) == (5 if kind is Retryable else 1)


@pytest.mark.parametrize(
    ("call", "right"),
    [
        (lambda store: store.get("a"), "s3:GetObject"),
        (lambda store: store.tags(_object()), "s3:GetObject"),
        (lambda store: store.delete("a"), "s3:DeleteObject"),
        (lambda store: store.conditional_put_works(), "s3:PutObject"),
    ],
)
def test_what_is_denied_is_named_with_the_least_right_that_allows_it(call, right):
    """P51: nobody has to hand out s3:* to find out."""
    with serving(_denied) as server, pytest.raises(Misconfigured) as refused:
        call(store_at("s3://dropzone/", endpoint=server.url))
    assert f"Allow {right}" in refused.value.next


def _denied(handler):
    handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    answers(403, "AccessDenied")(handler)


def _object():
    return Object("a", "~1", 1, datetime.now(UTC), "e")


def test_a_key_that_may_not_be_used_is_named():
    denied = answers(403, "AccessDenied", "not authorized to perform: kms:Decrypt on …")
    with serving(denied) as server, pytest.raises(Misconfigured) as refused:
        store_at("s3://dropzone/", endpoint=server.url).get("a")
    assert "kms:Decrypt" in refused.value.next


def test_a_body_that_ends_early_leaves_nothing(tmp_path):
    """P29: half an object is none."""

    def answer(handler):
        handler.send_response(200)
        for name, value in {"Content-Length": "1", "ETag": '"e"'}.items():
            handler.send_header(name, value)
        handler.end_headers()

    with serving(answer) as server, pytest.raises(Retryable):
        store_at("s3://dropzone/", endpoint=server.url).fetch(_object(), tmp_path / "got", limit_bytes=10)
    assert not (tmp_path / "got").exists()


@pytest.mark.parametrize("said", [{"ETag": '"other"'}, {"Content-Length": "2"}])
def test_a_server_that_ignores_the_condition_is_noticed(tmp_path, said):
    """P29: the answer is looked at, not only the promise."""

    def answer(handler):
        handler.send_response(200)
        for name, value in ({"Content-Length": "1", "ETag": '"e"'} | said).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(b"xx"[: int(said.get("Content-Length", 1))])

    with serving(answer) as server, pytest.raises(Retryable):
        store_at("s3://dropzone/", endpoint=server.url).fetch(_object(), tmp_path / "got", limit_bytes=10)
    assert not (tmp_path / "got").exists()


def test_nobody_listening_is_retryable(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(Retryable):
        store_at("s3://dropzone/", endpoint="http://127.0.0.1:9").get("a")


def test_without_credentials_nothing_is_asked(monkeypatch):
    """P40: they come from boto3's own places only; none there is a matter of configuration."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    said = pytest.raises(Misconfigured, match="no credentials for bucket dropzone")
    with serving(answers(500, "InternalError")) as server, said:
        store_at("s3://dropzone/", endpoint=server.url).get("a")
    assert server.asked == []


@pytest.mark.parametrize(
    "endpoint",
    ["http://s3.intranet.example", "http://10.0.0.7:9000", "ftp://x", "s3.example", "https://", "https://k:s@h"],
)
def test_an_endpoint_without_tls_is_refused(endpoint):
    """P40: http only to this machine."""
    with pytest.raises(Misconfigured, match="PROBATUM_OBJECT_ENDPOINT"):
        store_at("s3://dropzone/", endpoint=endpoint)


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_endpoint_without_tls_is_refused_where_boto3_finds_it_too(monkeypatch, variable):
    """P40: a variable of boto3's own opens no way around."""
    monkeypatch.setenv(variable, "http://s3.intranet.example")
    with pytest.raises(Misconfigured, match="is http"):
        store_at("s3://dropzone/")


@pytest.mark.parametrize("origin", ["s3://", "s3:///a", "s3://Drop_Zone/", "s3://a", "s3://a?b/c"])
def test_a_name_that_no_bucket_has_is_refused(origin):
    with pytest.raises(Misconfigured):
        store_at(origin)


# Another maker's server, which looks at the signature


def test_a_wrong_secret_is_noticed_by_a_server_that_checks_it(tmp_path, monkeypatch):
    (tmp_path / BUCKET).mkdir()
    with rclone_server(tmp_path) as endpoint:
        store = store_at(f"s3://{BUCKET}/a b+ü/", endpoint=endpoint)
        store.put("x y+%.json", b"{}", "application/json")
        assert store.get("x y+%.json") == b"{}" and [found.key for found in store.list()] == ["x y+%.json"]
        raw_client("s3", endpoint).put_object(
            Bucket=BUCKET, Key="spoof.xml", Metadata={"Owner": "me"}, ContentType="text/xml",
            Body=b"<Tagging><TagSet><Tag><Key>owner</Key><Value>you</Value></Tag></TagSet></Tagging>",
        )  # fmt: skip
        root = store_at(f"s3://{BUCKET}/", endpoint=endpoint)
        spoof = next(found for found in root.list() if found.key == "spoof.xml")
        assert root.tags(spoof)["owner"] == "me"  # asked for tags, this server sends the content
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
        with pytest.raises(Misconfigured):
            list(store_at(f"s3://{BUCKET}/", endpoint=endpoint).list())
