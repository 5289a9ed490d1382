"""Two S3 servers on loopback: moto's (versions, conditions, tags, queues; checks no signature) and rclone's (real signatures)."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

KEY, SECRET = "a-tests-own-key", "a-tests-own-secret"
BUCKET = "dropzone"
ENVIRONMENT = {  # where boto3 looks, and nothing of the machine's own
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def moto_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


@contextmanager
def rclone_server(folder: Path) -> Iterator[str]:
    """Serves the folders in `folder` as buckets."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    rclone = shutil.which("rclone", path=str(Path(sys.executable).parent)) or shutil.which("rclone")
    process = subprocess.Popen(
        [rclone, "serve", "s3", "--config", "", "--addr", address, "--auth-key", f"{KEY},{SECRET}", str(folder)],
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(address, process)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)


def raw_client(service: str, endpoint: str, key: str = KEY, secret: str = SECRET):
    """A client of the test's own, to put things where the code under test finds them."""
    return boto3.client(
        service, endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1"
    )


def make_bucket(endpoint: str, name: str, *, versions: bool) -> None:
    s3 = raw_client("s3", endpoint)
    s3.create_bucket(Bucket=name)
    if versions:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def _wait_for(address: str, process: subprocess.Popen) -> None:
    host, port = address.split(":")
    ends = time.monotonic() + 20
    while time.monotonic() < ends and process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("rclone did not start")
