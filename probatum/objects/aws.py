"""The one place that knows boto3: clients with sane limits, and its errors in our words.

    s3 = client("s3", endpoint="")
    with told("ListObjectsV2", "bucket dropzone"):
        s3.list_objects_v2(…)

What was denied is named with the least right that would allow it. Nothing of an object or of a credential gets into a message.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import boto3
from botocore import exceptions as boto
from botocore.config import Config

from probatum.errors import Misconfigured, ProbatumError, Rejected, Retryable
from probatum.safeio import is_loopback

_CONNECT_S, _READ_S, _ATTEMPTS = 15, 60, 5
_LATER = "Run it again later; what is there stays there."
_LEAST_RIGHTS = {
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "HeadObject": "s3:GetObject",
    "GetObject": "s3:GetObject, and s3:GetObjectVersion where the bucket keeps versions",
    "GetObjectTagging": "s3:GetObjectTagging, and s3:GetObjectVersionTagging where the bucket keeps versions",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "ReceiveMessage": "sqs:ReceiveMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
}
_KMS_RIGHTS = {"PutObject": "kms:GenerateDataKey"}
_DENIED = (
    "AccessDenied",
    "AccessDeniedException",
    "Forbidden",
    "403",
    "AllAccessDisabled",
    "KMS.AccessDeniedException",
)
_NOT_BELIEVED = (
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidClientTokenId",
    "UnrecognizedClientException", "RequestTimeTooSkewed",
)  # fmt: skip
_NOT_THERE = ("NoSuchBucket", "InvalidBucketName", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
_BUSY = (
    "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException",
    "RequestTimeout", "InternalError", "ServiceUnavailable",
)  # fmt: skip
_NO_CREDENTIALS = (
    boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError, boto.ProfileNotFound,
    boto.TokenRetrievalError, boto.NoAuthTokenError,
)  # fmt: skip
_CHANGED = ("PreconditionFailed", "412", "NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405")
_LOST = (  # the last two while the body of an answer is read
    boto.HTTPClientError, boto.ConnectionError, boto.IncompleteReadError, boto.FlexibleChecksumError
)  # fmt: skip


def client(service: str, *, endpoint: str = "", region: str | None = None):
    """A boto3 client of its own session. Raises Misconfigured for an endpoint without TLS, wherever it is configured."""
    config = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=_READ_S,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        signature_version="s3v4" if service == "s3" else None,
        s3={"addressing_style": "path"} if endpoint else None,
        request_checksum_calculation="when_required" if endpoint else "when_supported",  # others know fewer of them
    )
    if endpoint:
        _check_endpoint(endpoint)
    with told("the first request", service):
        made = boto3.session.Session().client(service, endpoint_url=endpoint or None, region_name=region, config=config)
    _check_endpoint(made.meta.endpoint_url)  # a profile or a variable of boto3's own may have named another
    return made


def _check_endpoint(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https") or "@" in parts.netloc:
        raise Misconfigured(
            "The endpoint of the object store is no https address.", next="Correct PROBATUM_OBJECT_ENDPOINT."
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise Misconfigured(
            f"The endpoint of the object store at {host} is http: what is sent could be read and changed on the way.",
            next="Use https in PROBATUM_OBJECT_ENDPOINT, or wherever boto3 is given its endpoint.",
        )


@contextmanager
def told(operation: str, where: str) -> Iterator[None]:
    """Turn what boto3 raises in here into one of our errors."""
    try:
        yield
    except boto.ClientError as error:
        raise _answered(operation, where, error) from None
    except _NO_CREDENTIALS as error:
        raise Misconfigured(
            f"There are no credentials for {where} ({type(error).__name__}).",
            next="Give boto3 a role, a profile or its variables; none are kept here.",
        ) from None
    except boto.NoRegionError:
        raise Misconfigured(
            f"No region is set for {where}.", next="Set AWS_REGION, or the region of the profile."
        ) from None
    except boto.ParamValidationError:
        raise Misconfigured(f"{operation} of {where} was not given what it needs.", next="Check the name.") from None
    except _LOST as error:
        raise Retryable(f"{operation} of {where} got no whole answer ({type(error).__name__}).", next=_LATER) from None


def code_of(error: boto.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


ClientError = boto.ClientError


def _answered(operation: str, where: str, error: boto.ClientError) -> ProbatumError:
    code = code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _DENIED or (status == 403 and code not in _NOT_BELIEVED):
        about_key = "kms" in str(error.response.get("Error", {}).get("Message", "")).lower()
        right = _KMS_RIGHTS.get(operation, "kms:Decrypt") if about_key else _LEAST_RIGHTS.get(operation, operation)
        return Misconfigured(f"{operation} of {where} is denied ({code}).", next=f"Allow {right}, and no more.")
    if code in _NOT_BELIEVED:
        return Misconfigured(
            f"The credentials for {where} are not accepted ({code}).",
            next="Renew them where boto3 finds them; check the clock.",
        )
    if code in _NOT_THERE:
        return Misconfigured(f"There is no {where} ({code}).", next="Check its name, its region and the account.")
    if code in _BUSY or status == 429 or status >= 500:
        return Retryable(f"{operation} of {where} was put off ({code or status}).", next=_LATER)
    if code in _CHANGED:
        return Retryable(f"What was listed in {where} has changed or gone meanwhile ({code}).", next=_LATER)
    if code == "InvalidObjectState":
        return Rejected(f"An object in {where} is in an archive tier.", next="Restore it, or drop the file again.")
    return Rejected(f"{operation} of {where} was refused ({code or status}).", next="Look at the bucket's settings.")
