"""The bundled object store made ready: its buckets, and the one user that runs and endpoints are, with rights to those.

Speaks to MinIO as its root, whose keys only the store's pod and this have; the user's keys are the AWS_* variables.
Safe to repeat: the same again changes nothing, other keys in the Secret take the old ones' place. Knows MinIO's admin
calls. Does not know what lies in a bucket.
"""

import json
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from causeway.errors import UnusableInput, UsageError

ROOT_USER, ROOT_PASSWORD = "CAUSEWAY_STORE_ROOT_USER", "CAUSEWAY_STORE_ROOT_PASSWORD"
POLICY = "causeway"
_IN_BUCKET = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")
_ON_OBJECTS = (
    "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
)  # fmt: skip
_DENIED = ("AccessDenied", "SignatureDoesNotMatch", "InvalidAccessKeyId")
_LOOK_S = 2.0


def prepare(buckets: Sequence[str], patience_s: float = 300.0) -> dict[str, Any]:
    """Make the buckets that are not there, and the user with his policy; which buckets are new.

    A user of another name who has that policy is removed: keys that were changed are good for nothing any more.
    Waits up to `patience_s` for a store that starts. UsageError for keys that are missing, too short, root's own or not
    root's; UnusableInput where the store does not answer or refuses.
    """
    if not buckets:
        raise UsageError("no bucket: name --bucket, as in s3://BUCKET/prefix; may be repeated")
    root, user = _keys(ROOT_USER, ROOT_PASSWORD), _keys("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    if root[0] == user[0]:
        raise UsageError(f"AWS_ACCESS_KEY_ID and {ROOT_USER} are the same: give runs a user of their own")
    client, admin = _connected(root)
    made = _patient(lambda: [bucket for bucket in buckets if not client.bucket_exists(bucket)], patience_s)
    for bucket in made:
        _answered(partial(client.make_bucket, bucket))
    _answered(lambda: admin.user_add(*user))
    _answered(lambda: admin.policy_add(POLICY, policy=policy_of(buckets)))
    _answered(lambda: admin.policy_set(POLICY, user=user[0]))
    for name, about in json.loads(_answered(admin.user_list)).items():
        if name != user[0] and about.get("policyName") == POLICY:
            _answered(partial(admin.user_remove, name))
    return {"made": made, "buckets": list(buckets), "user": user[0]}


def policy_of(buckets: Sequence[str]) -> dict[str, Any]:
    """Read, write, list and delete objects of these buckets; nothing about buckets themselves, users or settings."""
    where = [f"arn:aws:s3:::{bucket}" for bucket in buckets]
    allowed = [(_IN_BUCKET, where), (_ON_OBJECTS, [f"{name}/*" for name in where])]
    statements = [{"Effect": "Allow", "Action": list(actions), "Resource": places} for actions, places in allowed]
    return {"Version": "2012-10-17", "Statement": statements}


def _keys(name: str, secret: str) -> tuple[str, str]:
    found = os.environ.get(name, ""), os.environ.get(secret, "")
    if len(found[0]) < 3 or len(found[1]) < 8:
        raise UsageError(f"{name} needs three characters or more, and {secret} eight: set them in the Secret")
    return found


def _connected(root: tuple[str, str]) -> tuple[Any, Any]:
    from minio import Minio
    from minio.credentials import StaticProvider
    from minio.minioadmin import MinioAdmin
    from urllib3 import PoolManager, Timeout

    scheme, _, host = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/").partition("://")
    if scheme not in ("http", "https") or not host:
        raise UsageError("AWS_ENDPOINT_URL: not an endpoint; write http(s)://host:port")
    keys, secure = StaticProvider(*root), scheme == "https"
    asked = {"secure": secure, "region": os.environ.get("AWS_REGION") or "us-east-1"}
    pools = [PoolManager(timeout=Timeout(connect=5, read=30), retries=False) for _ in range(2)]
    client = Minio(host, credentials=keys, http_client=pools[0], **asked)  # type: ignore[arg-type]
    return client, MinioAdmin(endpoint=host, credentials=keys, http_client=pools[1], **asked)  # type: ignore[arg-type]


def _patient(call: Callable[[], Any], patience_s: float) -> Any:
    until = time.monotonic() + patience_s
    while True:
        try:
            return _answered(call)
        except UnusableInput:
            if time.monotonic() > until:
                raise
            time.sleep(_LOOK_S)


def _answered(call: Callable[[], Any]) -> Any:
    from minio.error import MinioAdminException, S3Error
    from urllib3.exceptions import HTTPError

    where = os.environ.get("AWS_ENDPOINT_URL", "")
    try:
        return call()
    except S3Error as error:
        if error.code in _DENIED:
            raise UsageError(f"{where}: {error.code}; {ROOT_USER} and its password are not the store's") from error
        raise UnusableInput(f"{where}: {error.code}; try again when the store has started") from error
    except MinioAdminException as error:
        raise UnusableInput(f"{where}: {str(error)[:300]}") from error
    except (HTTPError, OSError) as error:
        raise UnusableInput(f"{where}: the object store does not answer ({type(error).__name__})") from error
