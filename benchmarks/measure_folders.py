"""What each folder of real drives gives: ingest, validate, meta actions, moments and features, and a Markdown table.

Every folder of CAUSEWAY_TEST_DRIVES is read with `--layout auto`; folders that are tables of an own rig are read by the
mapping files of `examples/tables`. Run it with `.venv/bin/python benchmarks/measure_folders.py [NAME …] [--out DIR]`;
NAMEs are folders or mapping files and leave the others out.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from causeway.artifacts import Artifact, run
from causeway.clips.ingest import IngestConfig, ingest
from causeway.clips.readers.layouts import reader_of
from causeway.errors import CausewayError
from causeway.evidence.step import FeatureConfig, build_features
from causeway.meta_actions.config import DetectorConfig
from causeway.meta_actions.moments import find_moments
from causeway.meta_actions.moments_config import MomentConfig
from causeway.meta_actions.step import extract_meta_actions
from causeway.quality.step import validate_clips

ROOT = Path(__file__).resolve().parents[1]
MAPPINGS = ROOT / "examples" / "tables"
BY_MAPPING = ("nuscenes_", "boreas_")  # folders of tables, which no layout but a mapping file can name

COLUMNS = (
    "source",
    "layout",
    "drives · clips · minutes · ticks",
    "cameras (pictures)",
    "boxes · lanes · lights",
    "left out",
    "meta actions with lane",
    "moments (train, val, test)",
    "evidence: lead · obstacle · crossing · light · stop line · curve",
    "seconds",
)
CAUSES = (
    "lead_track_id",
    "obstacle_track_id",
    "crossing_track_id",
    "signal_id",
    "stop_line_distance_m",
    "curve_distance_m",
)


def sources(drives: Path) -> Iterator[Path]:
    """Every folder that a layout can read by itself, and every mapping file."""
    for folder in sorted(path for path in drives.iterdir() if path.is_dir()):
        if not folder.name.startswith(BY_MAPPING):
            yield folder
    yield from sorted(MAPPINGS.glob("*.yaml"))


def measured(source: Path, out: Path) -> list[str]:
    """One row of the table."""
    started = time.monotonic()
    layout = next(name for name, reader in _readers().items() if reader is reader_of(str(source), "auto")[0])
    read = _step(ingest, {"drives": str(source)}, out / "read", IngestConfig())
    clips = _step(validate_clips, {"clips": read.location}, out / "clips", None)
    meta = _step(extract_meta_actions, {"clips": clips.location}, out / "meta", DetectorConfig())
    row = [source.name, layout, *_clip_cells(read, clips)]
    lanes = meta.table("meta_actions").column("lane")
    row.append(f"{len(lanes) - lanes.null_count} of {len(lanes)}")
    moments = _step(find_moments, {"meta": meta.location, "clips": clips.location}, out / "moments", MomentConfig())
    row += _moment_cells(moments, clips, out)
    return [*row, f"{time.monotonic() - started:.1f}"]


def _readers() -> dict:
    from causeway.clips.readers.layouts import readers

    return readers()


def _step(function: Callable, inputs: dict[str, str], out: Path, config: object) -> Artifact:
    return Artifact(run(function, inputs, out=str(out), config=config))


def _clip_cells(read: Artifact, clips: Artifact) -> list[str]:
    table = clips.table("clips")
    rows = table.to_pylist()
    minutes = sum(row["ticks"] for row in rows) / 600
    drives = len({row["drive_id"] for row in rows})
    cameras = {name for row in rows for name in row["cameras"]}
    counts = clips.manifest.counts
    reasons = Counter()
    for artifact in (read, clips):
        reasons.update(artifact.table("quarantine").column("reason").to_pylist())
    left_out = ", ".join(f"{count} × {reason}" for reason, count in sorted(reasons.items())) or "nothing"
    return [
        f"{drives} · {len(rows)} · {minutes:.1f} · {counts['ego']}",
        f"{len(cameras)} ({counts['frames']})",
        " · ".join(str(counts[name]) for name in ("tracks", "lanes", "signals")),
        left_out,
    ]


def _moment_cells(moments: Artifact, clips: Artifact, out: Path) -> list[str]:
    splits = Counter(moments.table("moments").column("split").to_pylist())
    total = sum(splits.values())
    cell = f"{total} ({', '.join(str(splits[name]) for name in ('train', 'val', 'test'))})"
    if total == 0:
        return [cell, "–"]
    inputs = {"moments": moments.location, "clips": clips.location}
    evidence = _step(build_features, inputs, out / "evidence", FeatureConfig()).table("evidence")
    known = [len(evidence) - evidence.column(name).null_count for name in CAUSES]
    return [cell, f"{len(evidence)}: {' · '.join(map(str, known))}"]


def main() -> None:
    """Print one row for each source, or the one line that says why there is none."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="folders or mapping files by name; all when none is named")
    parser.add_argument("--out", type=Path, help="keep the artifacts here")
    options = parser.parse_args()
    drives = Path(os.environ.get("CAUSEWAY_TEST_DRIVES", ROOT.parent / "shared" / "data"))
    if not drives.is_dir():
        sys.exit(f"{drives}: no folder of real drives; set CAUSEWAY_TEST_DRIVES")
    os.environ["CAUSEWAY_TEST_DRIVES"] = str(drives)
    out = options.out or Path(tempfile.mkdtemp(prefix="causeway-folders-"))
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    try:
        for source in sources(drives):
            if options.names and source.name not in options.names:
                continue
            try:
                cells = measured(source, out / source.stem)
            except CausewayError as error:
                cells = [source.name, f"exit {error.exit_code}: {error}"] + ["–"] * (len(COLUMNS) - 2)
            print(f"| {' | '.join(cells)} |", flush=True)
    finally:
        if options.out is None:
            shutil.rmtree(out, ignore_errors=True)


if __name__ == "__main__":
    main()
