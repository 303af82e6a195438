"""An artifact appears under an `s3://` prefix, whole or not at all.

Knows the order that makes it so: the old manifest goes first, then the files come, then the new manifest; last, the
objects are compared with those that were sent, for two processes may publish to one place. Readers check every file
against the manifest they opened, so they never mix two versions. Does not know what is in an artifact.
"""

from dataclasses import dataclass
from pathlib import Path

from causeway.artifacts.manifest import FILE_NAME, Manifest, manifest_from_json
from causeway.artifacts.store_s3 import answering, client, split
from causeway.artifacts.store_transfer import Shipment, again, get_bytes, put_bytes, upload
from causeway.errors import UnusableInput


@dataclass(frozen=True)
class _Place:
    """A prefix in a bucket."""

    location: str
    bucket: str
    prefix: str

    def key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name


def publish(staging: Path, location: str) -> None:
    """Send the finished folder `staging` to `location`; what stood there goes. UnusableInput when it cannot be."""
    place = _Place(location, *split(location))
    data = (staging / FILE_NAME).read_bytes()
    new = manifest_from_json(data.decode(), str(staging / FILE_NAME))
    with answering(location):
        old = _manifest_at(place)
        etags = {}
        if old is None or old.files != new.files or not _all_there(place, staging, new):
            etags = _replace_files(place, staging, old, new)  # else the same bytes are there
        etags[place.key(FILE_NAME)] = put_bytes(place.bucket, place.key(FILE_NAME), data)
        _check_undisturbed(place, etags)


def _manifest_at(place: _Place) -> Manifest | None:
    data = get_bytes(place.bucket, place.key(FILE_NAME))
    try:
        return manifest_from_json(data.decode(errors="replace"), place.location) if data is not None else None
    except UnusableInput:  # whatever it is, it is replaced
        return None


def _replace_files(place: _Place, staging: Path, old: Manifest | None, new: Manifest) -> dict[str, str]:
    client().remove_object(place.bucket, place.key(FILE_NAME))
    files = [Shipment(place.key(name), staging / name, digest) for name, digest in sorted(new.files.items())]
    etags = upload(place.bucket, files)
    for name in sorted(set(old.files) - set(new.files)) if old else ():
        client().remove_object(place.bucket, place.key(name))
    return etags


def _listed(place: _Place) -> dict[str, tuple[str, int]]:
    """{key: (ETag, size)} of everything below the prefix."""
    found = again(lambda: list(client().list_objects(place.bucket, prefix=place.key(""), recursive=True)))
    return {str(i.object_name): ((i.etag or "").strip('"'), i.size or 0) for i in found}


def _all_there(place: _Place, staging: Path, manifest: Manifest) -> bool:
    listed = _listed(place)
    sizes = {place.key(name): (staging / name).stat().st_size for name in manifest.files}
    return all(key in listed and listed[key][1] == size for key, size in sizes.items())


def _check_undisturbed(place: _Place, etags: dict[str, str]) -> None:
    """Every object must still be the one that was sent; else two processes are at it, and ours must not stand."""
    listed = _listed(place)
    if all(listed.get(key, ("", 0))[0] == etag for key, etag in etags.items()):
        return
    manifest = place.key(FILE_NAME)
    if listed.get(manifest, ("", 0))[0] == etags[manifest]:
        client().remove_object(place.bucket, manifest)
    raise UnusableInput(f"{place.location}: another process wrote to it at the same time; run the command again")
