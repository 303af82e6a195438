"""A raw drive in the PhysicalAI-AV layout with much to react to, and the same drive without a usable future."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from causeway.clips.readers.physicalai import layout
from tests.clips.physicalai_fixture import write_drives

DRIVE = "d"
SECONDS = 14.0
BRAKES_S = 6.5  # from here on the ego slows down, so t0 lies a little before
Tables = dict[layout.Feature, pa.Table]


def drive(every_ms: int = 100, first_ms: int = 0, ego_ms: int = 10, stop_line_m: float = 120.0) -> Tables:
    """All that was recorded; others are seen every so often, the ego's own pose is known every `ego_ms`."""
    return {
        layout.EGOMOTION: _egomotion(ego_ms),
        layout.OBSTACLES: _obstacles(every_ms, first_ms),
        layout.SIGNALS: _signals(),
        layout.LANES: _lanes(),
        layout.ROAD_ELEMENTS: _stop_line(stop_line_m),
    }


def _braking(t_s: np.ndarray, from_s: float) -> tuple[np.ndarray, np.ndarray]:
    """(metres, speed) of a car that drives 10 m/s, slows by 1.5 m/s² for 5 s and keeps 2.5 m/s."""
    slowing, after = np.clip(t_s - from_s, 0.0, 5.0), np.clip(t_s - from_s - 5.0, 0.0, None)
    return 10.0 * t_s - 0.75 * slowing**2 - 7.5 * after, 10.0 - 1.5 * slowing


def _egomotion(every_ms: int) -> pa.Table:
    """Heading along world y at x = 5."""
    t_us = np.arange(0, round(SECONDS * 1e6) + 1, every_ms * 1000)
    along, speed = _braking(t_us * 1e-6, BRAKES_S)
    zero, half = np.zeros(len(t_us)), np.full(len(t_us), np.sqrt(0.5))
    columns = {"timestamp": t_us, "qx": zero, "qy": zero, "qz": half, "qw": half, "x": zero + 5, "y": along}
    columns |= {"z": zero, "vx": zero, "vy": speed, "vz": zero, "ax": zero, "ay": zero, "az": zero, "curvature": zero}
    return pa.table(columns)


def _obstacles(every_ms: int, first_ms: int) -> pa.Table:
    """A car ahead that slows first, one parked at the right, someone who walks into our way from the left."""
    rows = []
    for t_us in range(first_ms * 1000, round(SECONDS * 1e6) + 1, every_ms * 1000):
        t_s = np.array(t_us * 1e-6)
        ego, lead = float(_braking(t_s, BRAKES_S)[0]), 30.0 + float(_braking(t_s, 5.0)[0])
        for track_id, label, along, left, length, width in (
            ("lead", "automobile", lead, 0.0, 4.5, 1.9),
            ("parked", "automobile", 95.0, -2.2, 4.5, 1.9),
            ("walks", "person", 98.0, 10.0 - 1.2 * float(t_s), 0.6, 0.6),
        ):
            box = (along - ego, left, 0.8, length, width, 1.6, 0.0, 0.0, 0.0, 1.0)
            rows.append((t_us, "x", track_id, *box, label, layout.OBSTACLE_FRAME, t_us))
    return _table(layout.OBSTACLE_COLUMNS, rows)


def _signals() -> pa.Table:
    """The light of our lane turns red at 4 s."""
    times = range(0, round(SECONDS * 1e6) + 1, 100_000)
    return _table(layout.SIGNALS_COLUMNS, [(t, "light", "green" if t < 4_000_000 else "red", ["a"]) for t in times])


def _lanes() -> pa.Table:
    """Our lane ends at 120 m, where it forks; from t0 the lane `c` is too far to be on the map, from later poses not."""

    def lane(lane_id: str, points: list[tuple[int, int]], to: list[str]) -> tuple:
        return lane_id, [[5.0 - left, float(along)] for along, left in points], [], [], to, "drive"

    fork = [lane("a", [(0, 0), (120, 0)], ["b", "left"]), lane("left", [(120, 0), (130, 3), (140, 20)], [])]
    return _table(
        layout.LANES_COLUMNS, [*fork, lane("b", [(120, 0), (230, 0)], ["c"]), lane("c", [(230, 0), (400, 0)], [])]
    )


def _stop_line(along_m: float) -> pa.Table:
    shape = [[3.2, along_m], [6.8, along_m]]
    return _table(layout.ROAD_ELEMENTS_COLUMNS, [("s", "stop_line", shape, ["a" if along_m <= 120.0 else "c"])])


def _table(names: tuple[str, ...], rows: list[tuple]) -> pa.Table:
    return pa.table({name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)})


def write(root: Path, tables: Tables) -> str:
    """Write the drive; returns the folder."""
    write_drives(root, [DRIVE], seconds=0.1)
    for feature, table in tables.items():
        sink = io.BytesIO()
        pq.write_table(table, sink)
        (root / feature.chunk(0)).parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(root / feature.chunk(0), "w") as archive:
            archive.writestr(feature.member(DRIVE, feature.name), sink.getvalue())
    return str(root)


def cut_off(tables: Tables, t0_us: int) -> Tables:
    """As if the recording had ended at t0."""
    return {feature: table.filter(pa.array(~_late(table, t0_us))) for feature, table in tables.items()}


def overwritten(tables: Tables, t0_us: int) -> Tables:
    """All that is later than t0 but its time is garbage: numbers of any size, names and lanes of other things."""
    random = np.random.default_rng(0)
    return {feature: _garbage(table, _late(table, t0_us), random) for feature, table in tables.items()}


def _late(table: pa.Table, t0_us: int) -> np.ndarray:
    times = [name for name in table.column_names if name.startswith("timestamp")]
    return table.column(times[0]).to_numpy() > t0_us if times else np.zeros(table.num_rows, dtype=bool)


def _garbage(table: pa.Table, late: np.ndarray, random: np.random.Generator) -> pa.Table:
    for index, field in enumerate(table.schema):
        if field.type == pa.float64():
            wrong = (random.standard_normal(len(late)) * 10.0 ** random.integers(-2, 5, len(late))).tolist()
        elif field.type == pa.string() and field.name != "reference_frame":
            wrong = random.choice(["lead", "poison", "animal", "green"], len(late)).tolist()
        elif field.name == "lane_ids":
            wrong = [["c"]] * len(late)
        else:
            continue
        rows = zip(table.column(field.name).to_pylist(), wrong, late.tolist(), strict=True)
        table = table.set_column(
            index, field, pa.array([bad if is_late else good for good, bad, is_late in rows], field.type)
        )
    return table
