"""Which split a moment belongs to, so that nothing of val or test was seen in training.

Knows drives, places and times. Whole drives go to one split, by a hash of their place (of their id when the place is
unknown), so that adding drives never moves old ones. A lone drive is cut along time instead, with buffers between
the parts so that the windows [t0 - 2.0 s, t0 + 6.4 s] of different splits never touch.
"""

from hashlib import sha256

from causeway.clips.geometry import FUTURE_US, HISTORY_US

TRAIN, VAL, TEST, BUFFER = "train", "val", "test", "buffer"
_TRAIN_SHARE, _VAL_SHARE = 0.7, 0.15
_WINDOW_US = HISTORY_US + FUTURE_US


def split_of(drive_id: str, place: str, t0_us: int, drive_start_us: int, drive_end_us: int, drives_total: int) -> str:
    """`train`, `val`, `test`, or `buffer` for a moment that must be dropped (and counted) because its window would
    reach into another split's.

    With more than one drive the place (or the id) decides, not the time; small sets can leave `val` or `test`
    empty, and drives that share a place always share a split.
    """
    if drives_total > 1:
        return _by_hash(place or drive_id)
    return _along_time(t0_us, drive_start_us, drive_end_us)


def _by_hash(name: str) -> str:
    share = int.from_bytes(sha256(f"split:{name}".encode()).digest()[:8], "big") / 2**64
    if share < _TRAIN_SHARE:
        return TRAIN
    return VAL if share < _TRAIN_SHARE + _VAL_SHARE else TEST


def _along_time(t0_us: int, start_us: int, end_us: int) -> str:
    """First part train, then val, then test; each part ends one whole window before the next begins.

    Moments fit between `start + 2.0 s` and `end - 6.4 s`. A drive too short for three parts of a window's length has
    no test part, one too short for two is all train.
    """
    first, last = start_us + HISTORY_US, end_us - FUTURE_US
    span = last - first
    if span < 3 * _WINDOW_US:
        return TRAIN
    parts = (TRAIN, VAL, TEST) if span >= 5 * _WINDOW_US else (TRAIN, VAL)
    usable = span - (len(parts) - 1) * _WINDOW_US
    rest = (1 - _TRAIN_SHARE) / (len(parts) - 1) * usable
    start = float(first)
    for part in parts:
        end = start + (_TRAIN_SHARE * usable if part == TRAIN else rest)
        if t0_us <= end or part == parts[-1]:
            return part if t0_us >= start else BUFFER
        start = end + _WINDOW_US
    raise AssertionError("the last part takes what is left")
