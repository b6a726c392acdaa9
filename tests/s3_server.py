"""A server that speaks S3, in a process of its own, and how clients come to it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_connection, create_server

from deploy.embedded.supervision.processes import wait_until

START_SECONDS = 60
BUCKET = "tracker-uploads"


@contextmanager
def s3_server(**environment: str) -> Iterator[int]:
    """Its port on loopback. It has no bucket yet."""
    with create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    output = subprocess.DEVNULL
    process = subprocess.Popen(command, env=os.environ | environment, stdout=output, stderr=output)
    try:
        assert wait_until(lambda: _listens(port), START_SECONDS)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def s3_environment(port: int) -> dict[str, str]:
    """AWS' own settings for clients of the server."""
    return {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "tracker",
        "AWS_SECRET_ACCESS_KEY": "tracker-secret",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _listens(port: int) -> bool:
    try:
        create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
