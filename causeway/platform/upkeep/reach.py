"""Which artifacts something still needs: a walk from what is kept, over inputs, to everything it was made from.

Pure functions over what was found under a root. Knows no storage, no registry and no clock.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """A finished artifact under a root; `inputs` are the content hashes it was made from, by whichever run.

    `where`: its folder below the root when a person named it (`--out ROOT/NAME`), "" = where pipelines put it.
    """

    kind: str
    content_hash: str
    created_us: int
    size: int
    inputs: frozenset[str]
    where: str = ""

    @property
    def name(self) -> str:
        """Its folder below the root."""
        return self.where or f"{self.kind}/{self.content_hash}"


def hash_in(location: str) -> str:
    """The content hash in the location that a pipeline gave an artifact."""
    return location.rstrip("/").rsplit("/", 1)[-1]


def needed(found: Iterable[Found], roots: Collection[str]) -> set[str]:
    """Content hashes that the roots need: themselves and all that led to them. A root that is not there counts too."""
    inputs: dict[str, frozenset[str]] = {}
    for artifact in found:
        inputs[artifact.content_hash] = inputs.get(artifact.content_hash, frozenset()) | artifact.inputs
    reached: set[str] = set()
    todo = list(roots)
    while todo:
        content_hash = todo.pop()
        if content_hash not in reached:
            reached.add(content_hash)
            todo += inputs.get(content_hash, frozenset())
    return reached


def roots(
    found: Iterable[Found],
    registered: Collection[str],
    pinned: Collection[str],
    keep_kinds: Collection[str],
    young_us: int,
) -> dict[str, str]:
    """{content hash: why it is kept} of what is kept for its own sake.

    Registered, pinned or named by a person, of a kind that is always kept, or created at `young_us` or later.
    """
    kept: dict[str, str] = {}
    for artifact in found:
        if artifact.created_us >= young_us:
            kept[artifact.content_hash] = "young"
        if artifact.kind in keep_kinds:
            kept[artifact.content_hash] = f"every {artifact.kind} is kept"
        if artifact.where:
            kept[artifact.content_hash] = "named by a person"
    return kept | dict.fromkeys(registered, "registered") | dict.fromkeys(pinned, "pinned")


def unneeded(found: Iterable[Found], kept: Mapping[str, str]) -> list[Found]:
    """The artifacts that nothing kept was made from, oldest first."""
    found = list(found)
    reached = needed(found, kept)
    return sorted((a for a in found if a.content_hash not in reached), key=lambda a: (a.created_us, a.content_hash))
