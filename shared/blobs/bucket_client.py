"""The client of S3 and compatible stores, and its errors in the words of a store.

Endpoint, region and credentials are AWS' own settings (AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL, AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, a profile, a role of the container or machine). No URL of the tracker has them, since rows and logs keep URLs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    SSLError,
)

from shared.blobs.store import BlobStoreAway, BlobStoreError

CONNECT_SECONDS = 3
READ_SECONDS = 20
ATTEMPTS = 3
# Errors of servers that support only a part of S3. Waiting does not help.
NOT_IMPLEMENTED = 501
# Only a change of settings solves these.
_MISCONFIGURED = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, ParamValidationError, SSLError)
_BUSY = frozenset({"SlowDown", "RequestTimeout", "RequestTimeTooSkewed", "Throttling", "ThrottlingException", "OperationAborted"})
_GONE = frozenset({"NoSuchKey", "NoSuchUpload", "404", "NotFound"})


@cache
def client() -> Any:
    """This process' own, for all its threads. Not to be made before a fork."""
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=32,
        # The server compares each part with a hash in the signature, as every S3 does; newer checksums not all of them know.
        s3={"payload_signing_enabled": True},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return botocore.session.get_session().create_client("s3", config=config)


@contextmanager
def in_our_words(bucket: str) -> Iterator[None]:
    """Turns the library's errors into BlobStoreError, BlobStoreAway, and FileNotFoundError for a blob that is gone."""
    try:
        yield
    except ClientError as error:
        raise _answered(error, bucket) from error
    except _MISCONFIGURED as error:
        message = f"The bucket {bucket} cannot be asked ({_first_line(error)}); check the AWS_… variables or the role of this machine."
        raise BlobStoreError(message) from error
    except BotoCoreError as error:
        message = f"The bucket {bucket} does not answer ({_first_line(error)}); check AWS_ENDPOINT_URL and the network, or wait for it."
        raise BlobStoreAway(message) from error


def _answered(error: ClientError, bucket: str) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _GONE:
        return FileNotFoundError(f"The bucket {bucket} has no such blob ({code}).")
    if code == "NoSuchBucket":
        return BlobStoreError(f"There is no bucket {bucket}; make it, or name another in TRACKER_BLOB_URL.")
    if (status >= 500 and status != NOT_IMPLEMENTED) or code in _BUSY:
        return BlobStoreAway(f"The bucket {bucket} is in trouble ({code or status}); wait for it.")
    return BlobStoreError(f"The bucket {bucket} refuses ({code or status}); check the credentials and what they may do there.")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]
