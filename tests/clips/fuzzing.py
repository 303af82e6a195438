"""Damaged drives put through `ingest`, thousands of them, in a process that may die of it without harm.

    .venv/bin/python -m tests.clips.fuzzing LAYOUT FIRST STOP FOLDER

makes the mutants FIRST to STOP - 1 of a layout in FOLDER and prints a line for each; with one mutant, its files stay
there to be looked at. A mutant is the same on every machine: its number and `SEED` are all there is to it. It is
ingested as the command would, with all but the files of the artifact, which every `STEP_EVERY`-th mutant gets too.
"""

import faulthandler
import io
import resource
import shutil
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pyarrow as pa

from causeway.artifacts import Artifact, run
from causeway.artifacts.hashing import fingerprint, table_hash
from causeway.artifacts.schemas import tables_of
from causeway.artifacts.writer import Rows, _conform
from causeway.clips.ingest import IngestConfig, ingest, ingest_paths
from causeway.errors import UnusableInput
from tests.clips.fuzzed_drives import FUZZED
from tests.clips.mutations import damage
from tests.clips.whole_tables import check_tables
from tests.conftest import SEED

STEP_EVERY = 12
LIMIT_S = 60.0  # for one mutant, on a machine that is busy; most take a hundredth of a second
MOST_BYTES = 2_500_000_000  # a text file may be 1 GiB unpacked, and is held twice while it is looked at
WHOLE_DRIVES = (".xml", ".xml.gz", "_ego.csv")  # files that may be all there is of a drive
INDEXES = {"clip_index.parquet", "features.csv", "rig.yaml"}  # what is not named there is not there


@dataclass
class Kept:
    """Stands in for an artifact's writer: what is written stays in memory."""

    tables: dict[str, list[pa.Table]] = field(default_factory=dict)
    quarantined: list[dict] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)

    def table(self, name: str, rows: Rows) -> None:
        self.tables.setdefault(name, []).append(_conform(rows, name, tables_of("clips")[name]))

    def quarantine(self, source: str, where: str, reason: str, detail: str = "") -> None:
        self.quarantined.append({"source": source, "where": where, "reason": reason, "detail": detail})

    def count(self, **counts: int) -> None:
        self.counts.update(counts)

    def source(self, name: str, licence: str) -> None:
        assert name
        assert licence

    @contextmanager
    def shard(self, name: str) -> Iterator["Kept"]:
        yield self


@dataclass(frozen=True)
class Outcome:
    """What became of a location: rows of every table, and counts as in the manifest."""

    tables: dict[str, pa.Table]
    quarantined: list[dict]
    counts: dict[str, int]

    def drives(self) -> set[str]:
        return set(self.tables["clips"].column("drive_id").to_pylist())

    def refused(self) -> list[str]:
        return [row["source"] for row in self.quarantined if row["reason"] == "drive_unusable"]

    def hash_of(self, drive_id: str) -> str:
        """Over all rows of a drive's clips."""
        hashes = []
        for name, table in sorted(self.tables.items()):
            if "clip_id" in table.column_names:
                rows = [str(clip_id).startswith(f"{drive_id}-") for clip_id in table.column("clip_id").to_pylist()]
                chosen = table.filter(pa.array(rows, pa.bool_()))
                hashes.append(table_hash(tables_of("clips")[name].schema, chosen.to_batches()))
        return " ".join(hashes)


def in_memory(layout: str, location: Path, config: IngestConfig) -> Outcome:
    """All that the step does but for writing and publishing files."""
    assert fingerprint(ingest_paths(str(location), config))
    kept = Kept()
    ingest(str(location), out=kept, config=config)  # type: ignore[arg-type]
    kept.counts["quarantine"] = len(kept.quarantined)
    specs = tables_of("clips")
    tables = {n: pa.concat_tables([specs[n].schema.empty_table(), *kept.tables.get(n, [])]) for n in specs}
    return Outcome(tables, kept.quarantined, kept.counts)


def whole_step(layout: str, location: Path, config: IngestConfig, out: Path) -> Outcome:
    """The step as the command runs it, and its artifact read back."""
    shutil.rmtree(out, ignore_errors=True)
    try:
        artifact = Artifact(run(ingest, {"drives": str(location)}, out=str(out), config=config))
    finally:
        for left in out.parent.glob(f".{out.name}*"):  # of a run that was refused
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    tables = {name: artifact.table(name) for name in tables_of("clips")}
    return Outcome(tables, tables["quarantine"].to_pylist(), artifact.manifest.counts)


class Fuzzed:
    """The drives of a layout, whole and as they are damaged; each mutant is mended after it was looked at."""

    def __init__(self, layout: str, folder: Path) -> None:
        self.layout, self.folder = layout, folder
        self.config = IngestConfig(layout=layout)
        shutil.rmtree(folder, ignore_errors=True)
        self.sets = []
        for number, write in enumerate(FUZZED[layout]):
            names = {kind: folder / f"{kind}{number}" / "drives" for kind in ("whole", "broken", "one")}
            location = write(names["whole"], 2).relative_to(names["whole"])
            write(names["one"], 1)
            shutil.copytree(names["whole"], names["broken"])
            clean = in_memory(layout, names["broken"] / location, self.config)
            check(clean)
            assert not clean.refused(), clean.quarantined
            shared = {p.relative_to(names["one"]) for p in names["one"].rglob("*")}
            self.sets.append((names["whole"], names["broken"], location, clean, shared))
        self.files = self._files()

    def _files(self) -> list[str]:
        return sorted(p.as_posix() for p in self.folder.rglob("*"))

    def mutant(self, number: int, keep: bool = False) -> tuple[str, str]:
        """Makes a mutant and checks what ingest makes of it; returns (outcome, the accident in words)."""
        rng = Random(f"{SEED} {self.layout} {number}")
        whole, broken, location, clean, shared = rng.choice(self.sets)
        accidents = [damage(broken, rng) for _ in range(rng.choice([1, 1, 1, 1, 1, 1, 2]))]
        paths = {path.relative_to(broken) for path, _ in accidents}
        what = " + ".join(f"{path.relative_to(broken)}: {words}" for path, words in accidents)
        print(f"{number} {what}", flush=True)
        try:
            with_step = number % STEP_EVERY == 0
            out = self.folder.parent / f"out-{self.layout}"
            ingested = (
                whole_step(self.layout, broken / location, self.config, out)
                if with_step
                else in_memory(self.layout, broken / location, self.config)
            )
            check(ingested)
            indexed = not INDEXES & {path.name for path in paths}
            if indexed:
                self._check_others(ingested, clean, paths, shared, what)
            same = ingested.quarantined == clean.quarantined
            return ("read" if same else "quarantined"), what
        except UnusableInput as error:
            check_words(str(error))
            return "refused", what
        finally:
            if not keep:
                for path in paths:
                    mend(whole / path, broken / path)
                assert self._files() == self.files, "a file was made, lost or written elsewhere"

    def _check_others(self, found: Outcome, clean: Outcome, paths: set[Path], shared: set[Path], what: str) -> None:
        """No drive is gone without a word, and damage to one drive changes nothing of another."""
        count = len(found.drives()) + len(found.refused())
        # a drive that was one file is not there any more when the file is not
        gone = any(f"{end}: {word}" in what for end in WHOLE_DRIVES for word in ("lost", "is_a_folder"))
        assert gone or count >= len(clean.drives()), f"{found.drives()} and {found.refused()} are not all"
        if not paths & shared:
            first = min(clean.drives())
            assert found.hash_of(first) == clean.hash_of(first), f"{first} is another one"


def mend(whole: Path, broken: Path) -> None:
    if broken.is_dir() and not broken.is_symlink():
        broken.rmdir()
    else:
        broken.unlink(missing_ok=True)
    shutil.copyfile(whole, broken)


def check(found: Outcome) -> None:
    """read = kept + quarantined, each with a reason; every table is finite and in order."""
    counts = found.counts
    assert counts["read"] == counts["kept"] + counts["quarantine"], counts
    assert counts["kept"] == found.tables["clips"].num_rows + found.tables["frames"].num_rows
    for row in found.quarantined:
        assert row["source"]
        assert row["where"]
        assert row["reason"].replace("_", "").isalpha(), row
        check_words(row["detail"])
        assert "/" not in row["where"].replace(" / ", "") or row["where"] == row["source"], row
    check_tables(found.tables)


def check_words(text: str) -> None:
    """One line that a person may read."""
    assert text
    assert text.isprintable(), repr(text)
    assert len(text) < 900, text
    assert "object at 0x" not in text, text
    assert "Traceback" not in text, text


def main(layout: str, first: int, stop: int, folder: Path) -> int:
    """Runs the mutants; prints a line for each, then the counts of their outcomes. Returns the number of failures."""
    faulthandler.enable()
    warnings.simplefilter("error", RuntimeWarning)
    fuzzed, outcomes = Fuzzed(layout, folder), Counter[str]()
    failed = 0
    largest = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(first, stop):
        faulthandler.dump_traceback_later(LIMIT_S, exit=True)
        said, sys.stderr = sys.stderr, io.StringIO()
        try:
            outcome, _ = fuzzed.mutant(number, keep=stop - first == 1)
            outcomes[outcome] += 1
            assert "Traceback" not in sys.stderr.getvalue(), sys.stderr.getvalue()
            grown, largest = -largest, 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            assert grown + largest < MOST_BYTES, f"took {grown + largest} bytes"
        except Exception:
            failed += 1
            print(f"FAILED {layout} {number}\n{traceback.format_exc()}", flush=True)
        finally:
            sys.stderr = said
    faulthandler.cancel_dump_traceback_later()
    print(f"OUTCOMES {dict(outcomes)}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])), 1))
