"""Which split a moment belongs to, so that nothing of val or test was seen in training.

Knows where and when moments are; does not know what happens at them. A split is decided by a hash of the unit that a
moment belongs to, so that drives added later move none of the old ones:

- drives that share a world frame: the 500 m cell of that frame in which the ego is at t0, on whatever day;
- other drives that are long enough: a part of the drive (first train, then val, then test, a window between them);
- other drives: the drive, or all drives of its place, as nothing says how near they come to each other;
- a drive that is the whole set goes by its parts too, wherever it is.

Then `kept_apart` drops what is too near to another split: fewer than 50 m at t0 in a common frame at any time, or
windows [t0 - 2.0 s, t0 + 6.4 s] of one drive that touch. Of two such moments test stays, then val, then train.
`assert_apart` holds a finished table against these rules.
"""

import re
from dataclasses import dataclass, fields
from hashlib import sha256

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.geometry import FUTURE_US, HISTORY_US
from causeway.clips.readers.geodesy import ecef_from_utm
from causeway.errors import CausewayError, UsageError

TRAIN, VAL, TEST, BUFFER = "train", "val", "test", "buffer"
SPLITS = (TRAIN, VAL, TEST)
SPLIT_BY = ("place", "drive", "vehicle")
APART_M = 50.0
CELL_M = 500.0
_TRAIN_SHARE, _VAL_SHARE = 0.7, 0.15
_WINDOW_US = HISTORY_US + FUTURE_US
_SLACK_M = 0.06  # more than rounding, and than 50 m on a map of a UTM zone differ from 50 m on the ground
_UTM = re.compile(r"utm-(0[1-9]|[1-5]\d|60)[ns]")
_PAIRS = ((VAL, (TEST,)), (TRAIN, (TEST, VAL)))  # who makes room for whom

Texts = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Whereabouts:
    """Where and when n moments are, arrays [n]: texts as objects, times int64 µs, positions m.

    `world` names a frame that drives share; "" where the drive has a frame of its own. x_m and y_m are in that frame.
    `place` is the name of a place without coordinates ("" = not known). start_us and end_us: the drive's ticks.
    """

    drive: Texts
    vehicle: Texts
    place: Texts
    world: Texts
    t0_us: NDArray[np.int64]
    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    start_us: NDArray[np.int64]
    end_us: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.t0_us)

    def some(self, rows: NDArray[np.int64]) -> "Whereabouts":
        """Those of some rows."""
        return Whereabouts(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def located(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The number of the frame of each moment (the shared world's, or the drive's own) and points [n, 3] in it.

        All UTM zones are one frame, that of the earth: a drive keeps its zone beyond the zone's border.
        """
        shared = self.world != ""
        frame = np.where(shared, "world " + self.world, "drive " + self.drive).astype(object)
        points = np.stack([self.x_m, self.y_m, np.zeros(len(self))], axis=-1)
        for world in sorted(set(self.world[shared])):
            if _UTM.fullmatch(world):
                rows = self.world == world
                frame[rows], points[rows] = "earth", ecef_from_utm(self.x_m[rows], self.y_m[rows], world)
        return _numbered(frame)[1], points


def splits_of(moments: Whereabouts, by: str = "place") -> Texts:
    """`train`, `val`, `test` or `buffer` (between two parts of one drive) for each moment [n].

    `by`: "place" as the module says; "drive" keeps each drive whole, "vehicle" all drives of a vehicle together (a
    drive that names no vehicle stays whole). Raises UsageError for another word. A set of one single unit is `train`.
    """
    if by not in SPLIT_BY:
        raise UsageError(f"split_by {by!r}: say one of {', '.join(SPLIT_BY)}")
    if not len(moments):
        return np.empty(0, dtype=object)
    units, in_parts = _units(moments, by)
    names, of_row = _numbered(units)
    split = np.array([_by_hash(name) for name in names] if len(names) > 1 else [TRAIN], dtype=object)[of_row]
    rows = np.flatnonzero(in_parts)
    split[rows] = _parts_of_drives(moments.some(rows))
    return split


def _parts_of_drives(moments: Whereabouts) -> Texts:
    """Each drive cut along time; one that comes back so often that half of train would have to make room is train."""
    parts = along_time(moments.t0_us, moments.start_us, moments.end_us)
    names, of_row = _numbered(moments.drive)
    before, after = (
        np.bincount(of_row[part == TRAIN], minlength=len(names)) for part in (parts, kept_apart(moments, parts))
    )
    parts[(after < before / 2)[of_row]] = TRAIN
    return parts


def _units(moments: Whereabouts, by: str) -> tuple[Texts, NDArray[np.bool_]]:
    """The name that is hashed for each moment, and which moments go by time along their drive instead."""
    named = moments.place != ""
    own = np.where(named, moments.place, moments.drive).astype(object)
    shared = moments.world != ""
    if by != "place":
        asked = moments.vehicle if by == "vehicle" else moments.drive
        return np.where(asked != "", asked, moments.drive).astype(object), np.zeros(len(own), dtype=bool)
    alone = len(set(moments.drive)) == 1
    by_cell = shared & ~np.isin(moments.place, list(set(moments.place[named & ~shared]))) & (not alone)
    cell = np.floor(np.stack([moments.x_m[by_cell], moments.y_m[by_cell]]) / CELL_M).astype(np.int64)
    own[by_cell] = [f"{w}@{i},{j}" for w, i, j in zip(moments.world[by_cell], *cell.tolist(), strict=True)]
    spans = moments.end_us - moments.start_us - _WINDOW_US
    return own, (~shared | alone) & (spans >= 3 * _WINDOW_US) & _alone_at_its_place(moments)


def _alone_at_its_place(moments: Whereabouts) -> NDArray[np.bool_]:
    """Moments whose drive is the only one that names its place, or names none."""
    pairs = {(p, d) for p, d in zip(moments.place.tolist(), moments.drive.tolist(), strict=True) if p}
    count: dict[str, int] = {}
    for place, _ in pairs:
        count[place] = count.get(place, 0) + 1
    return np.array([count.get(place, 0) <= 1 for place in moments.place.tolist()])


def _by_hash(name: str) -> str:
    share = int.from_bytes(sha256(f"split:{name}".encode()).digest()[:8], "big") / 2**64
    if share < _TRAIN_SHARE:
        return TRAIN
    return VAL if share < _TRAIN_SHARE + _VAL_SHARE else TEST


def along_time(t0_us: NDArray[np.int64], start_us: NDArray[np.int64], end_us: NDArray[np.int64]) -> Texts:
    """First part train, then val, then test; each ends more than a whole window before the next begins (`buffer`).

    Moments fit between `start + 2.0 s` and `end - 6.4 s`. A drive too short for three parts of a window's length has
    no test part, one too short for two is all train.
    """
    first = start_us + HISTORY_US
    span = (end_us - FUTURE_US - first).astype(np.float64)
    parts = np.where(span >= 5 * _WINDOW_US, 3, np.where(span >= 3 * _WINDOW_US, 2, 1))
    usable = span - (parts - 1) * _WINDOW_US
    passed = (t0_us - first).astype(np.float64)
    train_end = np.where(parts == 1, np.inf, _TRAIN_SHARE * usable)
    val_start = train_end + _WINDOW_US
    val_end = np.where(parts == 3, val_start + (1 - _TRAIN_SHARE) / 2 * usable, np.inf)
    conditions = [passed < train_end, (passed >= val_start) & (passed < val_end), passed >= val_end + _WINDOW_US]
    return np.select(conditions, SPLITS, BUFFER).astype(object)


def kept_apart(moments: Whereabouts, split: Texts) -> Texts:
    """`split` with `buffer` for every moment that comes too near to one of a split that goes before its own."""
    result = split.copy()
    places, times = moments.located(), _time_line(moments)
    for low, high in _PAIRS:
        rows, others = np.flatnonzero(result == low), np.flatnonzero(np.isin(result, high))
        result[rows[_too_near(places, rows, others) | _overlaps(times, rows, others)]] = BUFFER
    return result


def assert_apart(moments: Whereabouts, split: Texts, by: str = "place") -> None:
    """CausewayError, naming one pair, when a table breaks a rule: 50 m, windows, whole drives or vehicles, or names."""
    if not np.isin(split, SPLITS).all():
        raise CausewayError(f"splits: {split[~np.isin(split, SPLITS)][0]!r} is not a split")
    places, times = moments.located(), _time_line(moments)
    for low, high in ((TRAIN, (VAL, TEST)), (VAL, (TEST,))):
        rows, others = np.flatnonzero(split == low), np.flatnonzero(np.isin(split, high))
        for what, broken in (
            (f"within {APART_M:g} m of", _too_near(places, rows, others)),
            ("with a window that overlaps that of", _overlaps(times, rows, others)),
        ):
            if broken.any():
                at = f"{moments.drive[rows[broken][0]]}@{moments.t0_us[rows[broken][0]]}"
                raise CausewayError(f"splits: {broken.sum()} moments of {low}, such as {at}, {what} one of {high}")
    if by != "place":
        _assert_whole(getattr(moments, by), split, by)


def _assert_whole(names: Texts, split: Texts, what: str) -> None:
    seen: dict[str, str] = {}
    for name, part in zip(names.tolist(), split.tolist(), strict=True):
        if name and seen.setdefault(name, part) != part:
            raise CausewayError(f"splits: {what} {name} is in {seen[name]} and in {part}")


def _numbered(names: Texts) -> tuple[list[str], NDArray[np.int64]]:
    """The different names and, for each row, the index of its name."""
    found = pa.array(names, pa.string()).dictionary_encode()
    return found.dictionary.to_pylist(), found.indices.to_numpy().astype(np.int64)


def _too_near(places: tuple[NDArray, NDArray], rows: NDArray, others: NDArray) -> NDArray[np.bool_]:
    """Which of `rows` are less than `APART_M` from one of `others` in the same frame; a tree, so n log n."""
    from scipy.spatial import cKDTree

    frame, points = places
    near = np.zeros(len(rows), dtype=bool)
    common = np.isin(frame[rows], frame[others])
    if not common.any():
        return near
    # frames are laid on top of each other, farther apart than anything can be near
    points = np.column_stack([points, frame * (10 * APART_M)])
    tree = cKDTree(points[others], balanced_tree=False)  # where a car stands, many points are one
    distance, _ = tree.query(points[rows[common]], distance_upper_bound=APART_M + _SLACK_M)
    near[common] = np.isfinite(distance)
    return near


def _time_line(moments: Whereabouts) -> NDArray[np.int64]:
    """The times of moments with drives one after another, so far apart that no two of them touch."""
    since = moments.t0_us - moments.start_us
    apart = int(since.max(initial=0)) + 2 * _WINDOW_US
    return _numbered(moments.drive)[1] * apart + since


def _overlaps(times: NDArray[np.int64], rows: NDArray, others: NDArray) -> NDArray[np.bool_]:
    """Which of `rows` have a window that touches that of one of `others` in the same drive."""
    taken = np.sort(times[others])
    after = np.searchsorted(taken, times[rows] - _WINDOW_US, side="left")
    before = np.searchsorted(taken, times[rows] + _WINDOW_US, side="right")
    return before > after
