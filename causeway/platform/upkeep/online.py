"""The online feature store (Redis) as one file, and back: every key as Redis itself writes it, with its time to live.

Knows keys and bytes, not features. The password, where one is asked for, is in CAUSEWAY_REDIS_PASSWORD. redis is
imported inside functions.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from causeway.errors import Refused, UnusableInput, UsageError

if TYPE_CHECKING:
    from redis import Redis

PASSWORD = "CAUSEWAY_REDIS_PASSWORD"
_KEYS = 500  # asked for at once


def dump(address: str) -> bytes:
    """Every key of the store at host:port; a key that ends meanwhile is left out."""
    lines = []
    with _connected(address) as redis:
        keys = sorted(redis.scan_iter(count=_KEYS))
        for start in range(0, len(keys), _KEYS):
            part = keys[start : start + _KEYS]
            pipe = redis.pipeline(transaction=False)
            for key in part:
                pipe.dump(key)
                pipe.pttl(key)
            answers = pipe.execute()
            for key, value, ttl_ms in zip(part, answers[::2], answers[1::2], strict=True):
                if value is not None:
                    lines.append(json.dumps([_text(key), _text(value), max(int(ttl_ms), 0)]))
    return gzip.compress("\n".join(lines).encode(), mtime=0)


def restore(address: str, data: bytes, where: str) -> int:
    """Write a dump into an empty store; how many keys. Refused where there are keys already."""
    try:
        rows = [json.loads(line) for line in gzip.decompress(data).decode().split("\n") if line]
        entries = [(base64.b64decode(key), base64.b64decode(value), int(ttl_ms)) for key, value, ttl_ms in rows]
    except (OSError, EOFError, ValueError, TypeError) as error:
        raise UnusableInput(f"{where}: not a dump of Redis ({error}); take another backup") from error
    with _connected(address) as redis:
        if redis.dbsize():
            raise Refused(f"{address}: holds keys already; restore into an empty Redis, and put that one in its place")
        for key, value, ttl_ms in entries:
            redis.restore(key, ttl_ms, value)
    return len(entries)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@contextmanager
def _connected(address: str) -> Iterator[Redis]:
    from redis import Redis
    from redis.exceptions import RedisError

    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        shown = address.partition(",")[0]  # Feast's way of writing it has the password after the comma
        raise UsageError(f"--redis {shown}: write host:port; the password is in {PASSWORD}")
    password = os.environ.get(PASSWORD) or None
    redis = Redis(host, int(port), password=password, socket_connect_timeout=5, socket_timeout=60)
    try:
        yield redis
    except RedisError as error:
        raise UnusableInput(f"{address}: Redis refuses ({error}); check its address, version and {PASSWORD}") from error
    finally:
        redis.close()
