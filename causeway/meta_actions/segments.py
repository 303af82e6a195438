"""Cutting ticks into pieces and settling what each segment is: the part that the channels share.

Knows hysteresis, cuts, efforts and short segments, for batches (rows of n ticks; nothing crosses the end of a row).
Does not know what is measured or what the codes mean. The rules are told in docs/behaviour.md and spelled out tick by
tick in benchmarks/bench_meta_actions.py, which must give the same answers.

Only the ticks at which a value enters another zone matter to a trigger with hysteresis, so the dense work is a few
comparisons a tick and everything else is done on those ticks, then on pieces, then on segments.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Classify = Callable[[np.ndarray, np.ndarray], np.ndarray]  # first and last piece of segments -> their codes


@dataclass(frozen=True, eq=False)
class Pieces:
    """Where the bands of a channel cut: flat first ticks [k] of pieces, and each piece's sign (-1, 0, 1)."""

    starts: np.ndarray
    sign: np.ndarray
    shape: tuple[int, int]  # rows, ticks of a row


@dataclass(frozen=True, eq=False)
class Codes:
    """What settling must know of a channel's codes, arrays [codes] each."""

    calm: int  # the code of a segment that nothing else names
    weak: np.ndarray  # bool: not an effort, whatever its sign
    sign: np.ndarray  # -1, 0, 1: the side an effort goes to
    min_ticks: np.ndarray  # shorter ones do not stand alone


def zones(values: np.ndarray, levels: Sequence[float], hysteresis: float) -> np.ndarray:
    """How many edges (level ± hysteresis, on both sides of 0) each value is beyond, int8; opposite in a mirror."""
    result = np.zeros(values.shape, dtype=np.int8)
    beyond = np.empty(values.shape, dtype=bool)
    for level in levels:
        for edge in (level * (1 - hysteresis), level * (1 + hysteresis)):
            result += np.greater_equal(values, edge, out=beyond).view(np.int8)
            result -= np.less_equal(values, -edge, out=beyond).view(np.int8)
    return result


def events(zone: np.ndarray) -> np.ndarray:
    """Flat indices of the ticks at which a zone is entered: each row's first and every change."""
    entered = np.ones(zone.shape, dtype=bool)
    np.not_equal(zone[:, 1:], zone[:, :-1], out=entered[:, 1:])
    return np.flatnonzero(entered)


def is_above(values: np.ndarray, first: np.ndarray, level: float, hysteresis: float) -> np.ndarray:
    """Schmitt trigger over values in order [k]: on from level·(1 + h) up, off below level·(1 - h), kept in between.

    `first` marks where a row begins: there the level itself decides, as nothing is known from before.
    """
    on = values >= level * (1 + hysteresis)
    decided = on | (values < level * (1 - hysteresis)) | first
    on[first] = values[first] >= level
    latest = np.maximum.accumulate(np.where(decided, np.arange(len(values)), 0))
    return on[latest]


def bands(values: np.ndarray, first: np.ndarray, levels: Sequence[float], hysteresis: float) -> np.ndarray:
    """How many levels each value is beyond, negative on the negative side; mirror images give opposite numbers."""
    result = np.zeros(values.shape, dtype=np.int8)
    for level in levels:
        result += is_above(values, first, level, hysteresis)
        result -= is_above(-values, first, level, hysteresis)
    return result


def cut(
    at: np.ndarray, band: np.ndarray, sign: np.ndarray, shape: tuple[int, int], least_ticks: int, quiet_ticks: int
) -> Pieces:
    """Pieces out of the bands entered at flat ticks `at` [k] (each row's first among them), with their signs [k].

    A band held for fewer than `least_ticks` is on its way to the next one that is held and belongs to that piece; or,
    where an effort fades, to the one before: as long as it has that one's sign and the next has not.
    The last `quiet_ticks` of a row begin nothing: what follows them is not known.
    """
    rows, count = shape
    tick = at % count
    kept = np.flatnonzero((tick == 0) | (_changes(band) & (tick < count - quiet_ticks)))
    at, sign, first = at[kept], sign[kept], tick[kept] == 0
    last = np.append(first[1:], True)
    held = np.append(at[1:], rows * count) - at >= least_ticks
    place = np.arange(len(at))
    settles = held | (last & _none_held(held, first))
    following = np.minimum.accumulate(np.where(settles, place, len(at) - 1)[::-1])[::-1]
    row_end = np.minimum.accumulate(np.where(last, place, len(at))[::-1])[::-1]
    some_follow = settles[following] & (following <= row_end)
    fades = _fades(settles, sign, some_follow, following, np.maximum.accumulate(np.where(first, place, 0)))
    begins = first.copy()
    begins[1:] |= (settles | fades)[:-1] & (some_follow & ~fades)[1:]
    begins = np.flatnonzero(begins)
    return Pieces(at[begins], sign[following[begins]], shape)


def _fades(
    settles: np.ndarray, sign: np.ndarray, some_follow: np.ndarray, following: np.ndarray, row_first: np.ndarray
) -> np.ndarray:
    """Bands [k] that are the end of the piece before: held shortly, of its sign, with nothing else since."""
    place = np.arange(len(sign))
    before = np.maximum.accumulate(np.where(settles, place, 0))
    alike = ~settles & (sign != 0) & (sign == sign[before]) & (before >= row_first) & settles[before]
    alike &= some_follow & (sign[following] != sign)
    return alike & (np.maximum.accumulate(np.where(alike, 0, place)) == before)


def _none_held(held: np.ndarray, first: np.ndarray) -> np.ndarray:
    """For each band: its whole row holds no band for long."""
    rows = np.cumsum(first) - 1
    return (np.add.reduceat(held.astype(np.int64), np.flatnonzero(first)) == 0)[rows]


def _changes(values: np.ndarray) -> np.ndarray:
    """Where a value differs from the one before it; the first does."""
    result = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=result[1:])
    return result


def settle(pieces: Pieces, classify: Classify, lean: Classify, codes: Codes) -> np.ndarray:
    """Codes per tick, int8 [rows, n]: name pieces as parts of efforts, join calm stretches, absorb what is too short.

    `lean` classifies a piece by its rate alone: for parts of an effort that changes enough.
    """
    rows, count = pieces.shape
    row = pieces.starts // count
    named = _with_efforts(pieces.sign, row, classify, lean, codes)
    heads = np.flatnonzero(_changes(row) | _changes(named))
    named = _calm_again(heads, len(row), named[heads], classify, codes)
    kept = np.flatnonzero(_changes(row[heads]) | _changes(named))
    heads, named = heads[kept], named[kept]
    heads, named = _joined_short(heads, pieces, row, named, classify, codes)
    lengths = _lengths(pieces.starts[heads], rows * count)
    named = absorbed(named, lengths < codes.min_ticks[named], row[heads], codes.sign)
    return np.repeat(named, lengths).reshape(rows, count)


def _lengths(starts: np.ndarray, end: int) -> np.ndarray:
    return np.append(starts[1:], end) - starts


def _tails(heads: np.ndarray, count: int) -> np.ndarray:
    """The last piece of each segment, from its first one."""
    return np.append(heads[1:], count) - 1


def _with_efforts(sign: np.ndarray, row: np.ndarray, classify: Classify, lean: Classify, codes: Codes) -> np.ndarray:
    """The pieces' codes, where neighbouring pieces of one sign are one effort.

    In an effort that is more than weak, as a whole or in one of its pieces, a piece that is weak by itself is called
    by its rate alone, and if that is not enough like its nearest piece that is not weak.
    """
    place = np.arange(len(row))
    begins = _changes(row) | _changes(sign) | (sign == 0)
    heads = np.flatnonzero(begins)
    tails = _tails(heads, len(row))
    named = classify(place, place)
    strong = ~codes.weak[named]
    some_strong = np.add.reduceat(strong.astype(np.int64), heads) > 0
    counts = some_strong | ~codes.weak[classify(heads, tails)]
    counts &= (tails > heads) & (sign[heads] != 0)
    effort = np.cumsum(begins) - 1
    weak = np.flatnonzero(counts[effort] & ~strong)
    named[weak] = lean(weak, weak)
    strong = ~codes.weak[named]
    return _with_nearest(named, strong, counts[effort] & ~strong, effort)


def _with_nearest(named: np.ndarray, strong: np.ndarray, weak: np.ndarray, effort: np.ndarray) -> np.ndarray:
    """Codes in which each weak piece has that of the nearest strong one of its effort; of two as near, the later."""
    index = np.flatnonzero(weak)
    known = np.flatnonzero(strong)
    if not len(index) or not len(known):
        return named
    next_one = np.searchsorted(known, index)
    after, before = known[np.minimum(next_one, len(known) - 1)], known[np.maximum(next_one - 1, 0)]
    has_after = (after > index) & (effort[after] == effort[index])
    has_before = (before < index) & (effort[before] == effort[index])
    to_before = has_before & ~(has_after & (after - index <= index - before))
    result = named.copy()
    result[index] = named[np.where(to_before, before, np.where(has_after, after, index))]
    return result


def _calm_again(heads: np.ndarray, count: int, named: np.ndarray, classify: Classify, codes: Codes) -> np.ndarray:
    """Codes in which calm segments of several pieces are classified as one: small changes may add up."""
    tails = _tails(heads, count)
    calm = np.flatnonzero((named == codes.calm) & (tails > heads))
    named[calm] = classify(heads[calm], tails[calm])
    return named


def _joined_short(
    heads: np.ndarray, pieces: Pieces, row: np.ndarray, named: np.ndarray, classify: Classify, codes: Codes
) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours that are each too short to stand alone are one segment and classified as such."""
    short = _lengths(pieces.starts[heads], pieces.shape[0] * pieces.shape[1]) < codes.min_ticks[named]
    joins = np.zeros(len(heads), dtype=bool)
    joins[1:] = short[1:] & short[:-1]
    joins &= ~_changes(row[heads])
    kept = np.flatnonzero(~joins)
    grown = np.flatnonzero(np.append(joins[1:], False)[kept])
    heads, named = heads[kept], named[kept]
    named[grown] = classify(heads[grown], _tails(heads, len(row))[grown])
    return heads, named


def absorbed(named: np.ndarray, short: np.ndarray, row: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """Codes with each short segment called like a long one of its row: the nearest on one of its sides.

    An effort goes to a neighbour of its own sign; else the one before counts, and at the start of a row the one after.
    """
    place = np.arange(named.size)
    before = np.maximum.accumulate(np.where(short, 0, place))
    after = np.minimum.accumulate(np.where(short, named.size - 1, place)[::-1])[::-1]
    usable_before = ~short[before] & (row[before] == row)
    usable_after = ~short[after] & (row[after] == row)
    own = sign[named]
    alike_before = usable_before & (own != 0) & (sign[named[before]] == own)
    alike_after = usable_after & (own != 0) & (sign[named[after]] == own)
    to_after = usable_after & (~usable_before | (alike_after & ~alike_before))
    return named[np.where(to_after, after, np.where(usable_before, before, place))]
