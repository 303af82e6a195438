"""The connection to an S3 endpoint: who we are, where it is, how often a request is made, refusals as one line.

Knows the AWS_* variables and the `minio` client. Does not know artifacts. Keys and tokens are in no message.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

import certifi
import urllib3
from minio import Minio
from minio.error import S3Error
from urllib3.exceptions import MaxRetryError

from causeway.errors import CausewayError, UnusableInput, UsageError

S3 = "s3://"
THREADS = 8  # transfers at a time
TIMEOUT = urllib3.Timeout(connect=10, read=30)  # read: without a single byte
# The waits grow from one to the next and are drawn at random, so that many clients that failed together do not come
# back together. Every request of ours may be repeated. A certificate that is not trusted ("other") will never be.
RETRIES = urllib3.Retry(
    total=5,
    other=0,
    redirect=False,
    allowed_methods=None,
    status_forcelist=(408, 425, 429, 500, 502, 503, 504),
    raise_on_status=False,
    backoff_factor=0.3,
    backoff_jitter=1.5,
    backoff_max=10,
    retry_after_max=10,
)
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # the last failure is told, in one line
_ABSENT = ("NoSuchKey", "NoSuchObject")
_KEYS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidTokenId", "InvalidToken", "ExpiredToken")


class Damaged(Exception):
    """Bytes that are not those that were meant; the message is for a person."""


@dataclass(frozen=True)
class _Settings:
    """What the environment says; equal settings share a client. Secrets are in no repr."""

    endpoint: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    session_token: str | None = field(repr=False)
    region: str
    authorities: str  # a file of certificate authorities
    process: int  # a client must not be shared with a forked child


def client() -> Minio:
    """The client for what the AWS_* variables say now; UsageError when they do not make sense."""
    return _connected(_settings())


def endpoint() -> str:
    """Where the object store is, for messages."""
    return _settings().endpoint


def _settings() -> _Settings:
    env = os.environ
    missing = [n for n in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if not env.get(n)]
    if missing:
        raise UsageError(f"s3:// locations need {' and '.join(missing)} in the environment; set them")
    named = env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or "https://s3.amazonaws.com"
    return _Settings(
        endpoint=(named if "://" in named else f"https://{named}").rstrip("/"),
        access_key=env["AWS_ACCESS_KEY_ID"],
        secret_key=env["AWS_SECRET_ACCESS_KEY"],
        session_token=env.get("AWS_SESSION_TOKEN") or None,
        region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
        authorities=env.get("AWS_CA_BUNDLE") or env.get("SSL_CERT_FILE") or certifi.where(),
        process=os.getpid(),
    )


@lru_cache(maxsize=4)
def _connected(settings: _Settings) -> Minio:
    pool = urllib3.PoolManager(
        timeout=TIMEOUT, maxsize=THREADS, cert_reqs="CERT_REQUIRED", ca_certs=settings.authorities, retries=RETRIES
    )
    try:
        url = urlsplit(settings.endpoint)
        if url.scheme not in ("http", "https") or not url.hostname or url.username or url.password:
            raise ValueError
        return Minio(
            settings.endpoint.partition("://")[2],
            access_key=settings.access_key,
            secret_key=settings.secret_key,
            session_token=settings.session_token,
            secure=url.scheme == "https",
            region=settings.region,
            http_client=pool,
        )
    except ValueError:  # which may quote what was given, and that a password
        raise UsageError("AWS_ENDPOINT_URL: not an endpoint; write http(s)://host:port and nothing more") from None


def split(location: str) -> tuple[str, str]:
    """Bucket and key (or prefix, without slashes around it) of an `s3://` location; UsageError without a bucket."""
    bucket, _, key = location[len(S3) :].partition("/")
    if not bucket:
        raise UsageError(f"{location}: no bucket; write s3://bucket/prefix")
    return bucket, key.strip("/")


def absent(error: S3Error) -> bool:
    """True when what was asked for is not there (the bucket is)."""
    return error.code in _ABSENT


@contextmanager
def answering(location: str) -> Iterator[None]:
    """What an object store refuses or leaves unanswered becomes one line; a full local disk stays what it is."""
    try:
        yield
    except CausewayError:
        raise
    except Damaged as error:
        raise UnusableInput(f"{location} at {endpoint()}: {error}") from error
    except S3Error as error:
        raise UnusableInput(f"{location} at {endpoint()}: {_refusal(error)}") from error
    except Exception as error:
        if isinstance(error, OSError) and not isinstance(error, ConnectionError | TimeoutError):
            raise
        if isinstance(error, ValueError) and " name " in str(error):  # the client refuses it before it asks
            raise UsageError(f"{location}: {error}") from error
        reason = error.reason if isinstance(error, MaxRetryError) else error
        text = f"{location}: the object store at {endpoint()} does not answer ({type(reason).__name__})"
        raise UnusableInput(f"{text}; check it and try again") from error


def _refusal(error: S3Error) -> str:
    code = "".join(c for c in str(error.code)[:60] if c.isalnum()) or "refused"
    if code in _KEYS:
        return f"{code}; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
    if code in (*_ABSENT, "PreconditionFailed"):
        return f"{code}; what was opened is gone, it was replaced or removed: open it again"
    if getattr(error.response, "status", 0) in (RETRIES.status_forcelist or ()):
        return f"{code}, asked {(RETRIES.total or 0) + 1} times; try again later"
    return f"{code}; check the bucket's name and rights"
