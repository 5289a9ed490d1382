"""Objects in an S3 bucket, or in a server that speaks its protocol.

A bucket that keeps versions is listed by its current versions, and fetched by them. In one that does not, the ETag of the
listing must still be the ETag of the answer; else somebody wrote in between, and the next listing knows more.
"""

import re
from collections.abc import Iterator
from contextlib import closing  # a body that is entered itself hands out the bare stream, which checks no length
from datetime import UTC
from pathlib import Path

from probatum.errors import Misconfigured, Rejected, Retryable
from probatum.objects import OWN, SMALL_BYTES, Object, is_version, made_version
from probatum.objects.aws import ClientError, client, code_of, told

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BLOCK_BYTES = 1 << 20
_PROBE = OWN + "probe"
_UNKNOWN = ("NotImplemented", "501", "MethodNotAllowed")  # what servers without tags or conditions answer


class BucketObjects:
    def __init__(self, origin: str, *, endpoint: str = "", kms_key: str = ""):
        self._bucket, _, prefix = origin.removeprefix("s3://").partition("/")
        if not _BUCKET.fullmatch(self._bucket):
            raise Misconfigured("That is no name of a bucket.", next="Write s3://bucket/prefix/.")
        self._prefix = prefix if not prefix or prefix.endswith("/") else prefix + "/"  # "inbox" is not "inbox2"
        self._where, self._kms_key = f"bucket {self._bucket}", kms_key
        self._s3 = client("s3", endpoint=endpoint)

    def list(self) -> Iterator[Object]:
        versions = self._keeps_versions()
        operation = "ListObjectVersions" if versions else "ListObjectsV2"
        with told(operation, self._where):
            pages = self._s3.get_paginator("list_object_versions" if versions else "list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
                for entry in page.get("Versions" if versions else "Contents", ()):
                    key = entry["Key"].removeprefix(self._prefix)
                    if key and not key.endswith("/") and not key.startswith(OWN) and entry.get("IsLatest", True):
                        yield _object(key, entry)

    def fetch(self, object: Object, target: Path, *, limit_bytes: int) -> None:
        if object.size > limit_bytes:
            raise _too_large(object, limit_bytes)
        exact = {"VersionId": object.version} if is_version(object) else {"IfMatch": f'"{object.etag}"'}
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with told("GetObject", self._where):
                answer = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + object.key, **exact)
                with closing(answer["Body"]) as body:
                    if answer["ETag"].strip('"') != object.etag or answer["ContentLength"] != object.size:
                        raise _changed(object)
                    got = _save(body, target, object, limit_bytes)
            if got != object.size:
                raise Retryable(f"{got} of the {object.size} bytes of {object.key!a} came.", next="Run it again later.")
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def tags(self, object: Object) -> dict[str, str]:
        exact = {"Bucket": self._bucket, "Key": self._prefix + object.key}
        exact |= {"VersionId": object.version} if is_version(object) else {}
        with told("HeadObject", self._where):
            said = self._s3.head_object(**exact).get("Metadata", {})
        with told("GetObjectTagging", self._where):
            try:
                tagged = self._s3.get_object_tagging(**exact)["TagSet"]
            except ClientError as error:
                if code_of(error) not in _UNKNOWN:
                    raise
                tagged = []
        return dict(said) | {tag["Key"]: tag["Value"] for tag in tagged}

    def put(self, key: str, data: bytes, content_type: str) -> None:
        with told("PutObject", self._where):
            self._put(key, data, content_type)

    def get(self, key: str) -> bytes | None:
        with told("GetObject", self._where):
            try:
                answer = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + key)
            except ClientError as error:
                if code_of(error) not in ("NoSuchKey", "404"):
                    raise
                return None
            with closing(answer["Body"]) as body:
                data = body.read(SMALL_BYTES + 1)
        if len(data) > SMALL_BYTES:
            raise Rejected(f"{key!a} is more than {SMALL_BYTES >> 20} MiB.", next="Look at what was written there.")
        return data

    def delete(self, key: str) -> None:
        with told("DeleteObject", self._where):
            self._s3.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def conditional_put_works(self) -> bool:
        """One small object is left behind, so that the next look costs one request and the right to delete is not needed."""
        return not self._put_if_absent() or not self._put_if_absent()

    def _keeps_versions(self) -> bool:
        with told("GetBucketVersioning", self._where):
            try:
                return "Status" in self._s3.get_bucket_versioning(Bucket=self._bucket)  # suspended: old ones are kept
            except ClientError as error:
                if code_of(error) not in _UNKNOWN:
                    raise
                return False

    def _put(self, key: str, data: bytes, content_type: str, **conditions: str) -> None:
        encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._kms_key} if self._kms_key else {}
        self._s3.put_object(
            Bucket=self._bucket,
            Key=self._prefix + key,
            Body=data,
            ContentType=content_type,
            **encrypted,
            **conditions,
        )

    def _put_if_absent(self) -> bool:
        with told("PutObject", self._where):
            try:
                self._put(_PROBE, b"", "application/octet-stream", IfNoneMatch="*")
            except ClientError as error:
                if code_of(error) in ("PreconditionFailed", "412", "ConditionalRequestConflict"):
                    return False
                if code_of(error) not in _UNKNOWN:
                    raise
        return True


def _object(key: str, entry: dict) -> Object:
    etag, size, modified = entry["ETag"].strip('"'), entry["Size"], entry["LastModified"].astimezone(UTC)
    version = entry.get("VersionId", "null")
    if version == "null":  # written while no versions were kept: the next one takes its place
        version = made_version(etag, size, int(modified.timestamp()))
    return Object(key, version, size, modified, etag)


def _save(body, target: Path, object: Object, limit_bytes: int) -> int:
    got = 0
    with target.open("wb") as out:
        for block in body.iter_chunks(_BLOCK_BYTES):
            got += len(block)
            if got > limit_bytes:
                raise _too_large(object, limit_bytes)
            out.write(block)
    return got


def _too_large(object: Object, limit_bytes: int) -> Rejected:
    return Rejected(
        f"{object.key!a} has {object.size} bytes ({limit_bytes} allowed).",
        next="Raise the limit of the source if that is right.",
    )


def _changed(object: Object) -> Retryable:
    return Retryable(
        f"{object.key!a} has changed since it was listed.", next="Run it again; the new one is listed then."
    )
