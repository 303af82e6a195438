from collections import Counter
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from causeway.clips.splits import split_of

S = 1_000_000


def along(seconds, step_us=100_000):
    moments = range(2 * S, int((seconds - 6.4) * S) + 1, step_us)
    return {t0: split_of("d", "", t0, 0, int(seconds * S), 1) for t0 in moments}


@given(st.floats(8.4, 2000))
def test_windows_of_different_splits_never_overlap(seconds):
    ranges = {}
    for t0, split in along(seconds, 300_000).items():
        if split != "buffer":
            low, high = ranges.get(split, (t0, t0))
            ranges[split] = (min(low, t0), max(high, t0))
    for (_, (a, b)), (_, (c, d)) in combinations(ranges.items(), 2):
        first_end, second_start = (b, c) if b < c else (d, a)
        assert first_end + 6.4 * S <= second_start - 2.0 * S


def test_a_lone_drive_of_83_s_has_all_three_parts():
    count = Counter(along(83).values())
    assert set(count) == {"train", "val", "test", "buffer"}
    assert count["train"] > count["val"] + count["test"]


def test_a_short_drive_is_all_train():
    assert set(along(20).values()) == {"train"}


def test_drives_of_one_place_stay_together_and_time_does_not_matter():
    splits = {split_of(f"d{i}", "tokyo", i * S, 0, 100 * S, 50) for i in range(50)}
    assert len(splits) == 1


def test_shares_of_many_drives():
    count = Counter(split_of(f"drive-{i}", "", 5 * S, 0, 20 * S, 2000) for i in range(2000))
    assert 0.66 < count["train"] / 2000 < 0.74
    assert 0.12 < count["val"] / 2000 < 0.18
    assert set(count) == {"train", "val", "test"}
