"""What `causeway show` does: a summary of any artifact, pictures of clips and moments, a Rerun recording.

Knows which kinds can be drawn or recorded and where the files go. Does not know how anything is drawn.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from causeway.artifacts import Artifact, store
from causeway.errors import UsageError
from causeway.platform.summary import contents, text_of

DRAWN = {"clips": "", "moments": "--clips", "evidence": "--clips", "labels": "--clips"}
RECORDED = ("clips", "rollouts", "report")


@dataclass(frozen=True)
class Wish:
    """What to show beside the summary: pictures into `out`, a recording into `rerun`, of which clips, how many."""

    clips: str = ""
    out: str = ""
    rerun: str = ""
    clip_ids: tuple[str, ...] = ()
    first: int = 3


def show(location: str, wish: Wish) -> tuple[dict[str, Any], str]:
    """(values for JSON, text) of an artifact, or of a run's record (`<root>/runs/<run>.json`).

    Writes the pictures and recordings wished for. Raises UsageError for a wish that the kind cannot fulfil,
    UnusableInput when the artifact is missing or damaged.
    """
    if location.endswith(".json"):
        from causeway.platform.costs import shown

        return shown(location)
    artifact = Artifact.open(location)
    _check(artifact, wish)
    sections = contents(artifact)
    files = [*(_draw(artifact, wish) if wish.out else []), *(_record(artifact, wish) if wish.rerun else [])]
    values = asdict(artifact.manifest) | {"holds": {s.title: s.values() for s in sections}, "wrote": files}
    lines = [text_of(artifact.manifest, sections), *(f"wrote {file}" for file in files)]
    return values, "\n".join(lines)


def _check(artifact: Artifact, wish: Wish) -> None:
    kind = artifact.manifest.kind
    if wish.out and kind not in DRAWN:
        raise UsageError(f"--out: there are no pictures of {kind}; show draws {', '.join(DRAWN)}")
    if wish.rerun and kind not in RECORDED:
        raise UsageError(f"--rerun: there is no recording of {kind}; show records {', '.join(RECORDED)}")
    if wish.out and DRAWN[kind] and not wish.clips:
        raise UsageError(f"--out: {kind} are drawn from their clips; name them with --clips")
    if wish.first < 1:
        raise UsageError(f"--first {wish.first}: at least 1")
    for name, place in (("--out", wish.out), ("--rerun", wish.rerun)):
        if store.is_s3(place):
            raise UsageError(f"{name} {place}: name a place on this machine")
    if wish.out and Path(wish.out).is_file():
        raise UsageError(f"--out {wish.out}: is a file; name a folder")
    if wish.rerun and Path(wish.rerun).is_dir():
        raise UsageError(f"--rerun {wish.rerun}: is a folder; name a file")
    if (wish.clip_ids or wish.clips) and not (wish.out or wish.rerun):
        raise UsageError("--clip and --clips choose what is drawn; add --out DIR or --rerun FILE")


def _draw(artifact: Artifact, wish: Wish) -> list[str]:
    pages = _clip_pages(artifact, wish) if artifact.manifest.kind == "clips" else _moment_pages(artifact, wish)
    written = []
    for name, data in pages:
        path = Path(wish.out) / f"{_file_name(name)}.png"
        store.write_bytes(str(path), data)
        written.append(str(path))
    if not written:
        raise UsageError(f"{artifact.location}: holds nothing that could be drawn, or not of the clips chosen")
    return written


def _clip_pages(clips: Artifact, wish: Wish) -> Iterator[tuple[str, bytes]]:
    """(name, PNG) of each chosen clip: a strip of its pictures where it has any, and the view from above."""
    from causeway.platform.show_above import above
    from causeway.platform.show_clip import chosen, load_clip
    from causeway.platform.show_strip import strip

    for clip_id in chosen(clips, list(wish.clip_ids), wish.first):
        view = load_clip(clips, clip_id)
        frames = strip(clips, view)
        if frames is not None:
            yield f"{clip_id}-strip", frames
        yield f"{clip_id}-above", above(view)


def _moment_pages(artifact: Artifact, wish: Wish) -> Iterator[tuple[str, bytes]]:
    """(name, PNG) of each chosen moment, and of its clip from above with all of its moments marked."""
    from causeway.platform.show_above import above
    from causeway.platform.show_clip import chosen, load_clip
    from causeway.platform.show_moment import moment_page

    clips = Artifact.open(wish.clips)
    if clips.manifest.kind != "clips":
        raise UsageError(f"--clips {wish.clips}: holds {clips.manifest.kind}, not clips")
    rows = [row for table in artifact.look(artifact.manifest.kind) for row in table.to_pylist()]
    chosen(clips, {*wish.clip_ids, *(str(r["clip_id"]) for r in rows)}, wish.first)
    wanted = [r for r in rows if not wish.clip_ids or r["clip_id"] in wish.clip_ids]
    picked = wanted if wish.clip_ids else wanted[: wish.first]
    for clip_id in dict.fromkeys(row["clip_id"] for row in picked):
        view = load_clip(clips, clip_id)
        yield f"{clip_id}-above", above(view, [r for r in rows if r["clip_id"] == clip_id])
        for row in (r for r in picked if r["clip_id"] == clip_id):
            yield row["moment_id"], moment_page(clips, view, row)


def _record(artifact: Artifact, wish: Wish) -> list[str]:
    path = Path(wish.rerun)
    path.parent.mkdir(parents=True, exist_ok=True)
    if artifact.manifest.kind == "clips":
        from causeway.platform.show_clip import chosen
        from causeway.platform.show_rerun import record_clip

        record_clip(artifact, chosen(artifact, list(wish.clip_ids), 1)[0], path)
    else:
        from causeway.platform.show_rerun_rollouts import record_rollouts

        record_rollouts(artifact, path)
    return [str(path)]


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".")[:180] or "picture"
