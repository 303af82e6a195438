"""Splits: decided by where and when, the same whatever is added, and never near to or over each other."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.clips.readers.geodesy import utm
from causeway.clips.splits import BUFFER, Whereabouts, along_time, assert_apart, kept_apart, splits_of
from causeway.errors import CausewayError, UsageError

S = 1_000_000


def moments(rows):
    """Whereabouts of (drive, t0 in s, x, y) and, where given, {world, place, vehicle, start, end}."""
    full = [
        (d, t, x, y, {"world": "", "place": "", "vehicle": "", "start": 0, "end": 20} | o) for d, t, x, y, o in rows
    ]

    def texts(values):
        result = np.empty(len(full), dtype=object)
        result[:] = list(values)
        return result

    return Whereabouts(
        drive=texts(r[0] for r in full),
        **{name: texts(r[4][name] for r in full) for name in ("vehicle", "place", "world")},
        t0_us=np.array([round(r[1] * S) for r in full], dtype=np.int64),
        x_m=np.array([r[2] for r in full], dtype=np.float64),
        y_m=np.array([r[3] for r in full], dtype=np.float64),
        start_us=np.array([round(r[4]["start"] * S) for r in full], dtype=np.int64),
        end_us=np.array([round(r[4]["end"] * S) for r in full], dtype=np.int64),
    )


def along(seconds, step_s=0.1):
    t0 = np.arange(2 * S, int((seconds - 6.4) * S) + 1, round(step_s * S))
    ends = np.full(len(t0), round(seconds * S))
    return t0, along_time(t0, np.zeros(len(t0), dtype=np.int64), ends)


@given(st.floats(8.4, 2000))
def test_windows_of_the_parts_of_a_drive_never_touch(seconds):
    t0, split = along(seconds, 0.3)
    ranges = {name: (t0[split == name].min(), t0[split == name].max()) for name in set(split) - {BUFFER}}
    for (_, (a, b)), (_, (c, d)) in combinations(ranges.items(), 2):
        first_end, second_start = (b, c) if b < c else (d, a)
        assert first_end + 6.4 * S < second_start - 2.0 * S


def test_a_drive_of_83_s_has_all_three_parts_and_one_of_20_s_one():
    count = Counter(along(83)[1])
    assert set(count) == {"train", "val", "test", "buffer"}
    assert count["train"] > count["val"] + count["test"]
    assert set(along(40)[1]) == {"train", "val", "buffer"}
    assert set(along(20)[1]) == {"train"}


def test_shares_of_many_short_drives():
    count = Counter(splits_of(moments([(f"drive-{i}", 5, 0, 0, {}) for i in range(2000)])))
    assert 0.66 < count["train"] / 2000 < 0.74
    assert 0.12 < count["val"] / 2000 < 0.18
    assert set(count) == {"train", "val", "test"}


def test_one_short_drive_is_train_alone():
    assert set(splits_of(moments([("drive-3", t, 0, 0, {}) for t in (3, 5, 9)]))) == {"train"}
    assert len(splits_of(moments([]))) == 0


def test_drives_of_one_place_without_coordinates_stay_together():
    rows = [(f"d{i}", 40, 0, 0, {"place": place, "end": 100}) for i in range(30) for place in ("a", "b", "c", "d", "e")]
    split = splits_of(moments(rows))
    assert all(len(set(split[k::5])) == 1 for k in range(5))
    alone = [("d0", t, 10 * t, 0, {"place": "tokyo", "end": 100}) for t in range(3, 93)]
    assert {"train", "val", "test"} <= set(splits_of(moments(alone)))


def test_in_a_shared_world_the_cell_decides_on_whatever_drive():
    spots = [(x * 500.0 + 250.0, y * 500.0 + 250.0) for x in range(12) for y in range(12)]
    one = [("monday", 5, x, y, {"world": "city"}) for x, y in spots]
    two = [("friday", 9, x + 100, y - 100, {"world": "city"}) for x, y in spots]
    split = splits_of(moments(one + two))
    assert split[: len(spots)].tolist() == split[len(spots) :].tolist()
    assert {"train", "val", "test"} == set(split)
    assert set(splits_of(moments([(*r[:4], {"world": "other"}) for r in one + two]))) == {"train", "val", "test"}


def test_whoever_comes_too_near_to_test_makes_room():
    near = [
        ("a", 5, 0.0, 0.0, {"world": "w"}),
        ("b", 5, 49.9, 0.0, {"world": "w"}),
        ("c", 5, 50.2, 0.0, {"world": "w"}),
    ]
    near += [("d", 5, 0.0, 0.0, {"world": "elsewhere"}), ("e", 5, 0.0, 0.0, {})]
    given_split = np.array(["test", "train", "train", "train", "train"], dtype=object)
    assert kept_apart(moments(near), given_split).tolist() == ["test", "buffer", "train", "train", "train"]
    val = np.array(["val", "train", "test", "train", "train"], dtype=object)
    assert kept_apart(moments(near), val).tolist() == ["val", "buffer", "test", "train", "train"]


def test_windows_that_touch_make_room_within_a_drive_alone():
    rows = [("a", 10, 0, 0, {}), ("a", 18.4, 900, 0, {}), ("a", 18.5, 1800, 0, {}), ("b", 10, 0, 0, {})]
    given_split = np.array(["test", "train", "train", "train"], dtype=object)
    assert kept_apart(moments(rows), given_split).tolist() == ["test", "buffer", "train", "train"]


def broken(m, split):
    """By hand: pairs of different splits that are too near, or overlap."""
    bad = 0
    for i, j in combinations(range(len(m)), 2):
        if BUFFER in (split[i], split[j]) or split[i] == split[j]:
            continue
        same_frame = m.world[i] == m.world[j] if m.world[i] or m.world[j] else m.drive[i] == m.drive[j]
        bad += same_frame and np.hypot(m.x_m[i] - m.x_m[j], m.y_m[i] - m.y_m[j]) < 50
        bad += m.drive[i] == m.drive[j] and abs(int(m.t0_us[i]) - int(m.t0_us[j])) < 8.4 * S
    return bad


@st.composite
def towns(draw):
    """Drives through a few streets: some share a world, some cross, some stand, some run in circles."""
    rows = []
    for i in range(draw(st.integers(1, 7))):
        world = draw(st.sampled_from(["", "", "oslo", "lima", "utm-32n"]))
        start, length = draw(st.integers(0, 1000)), draw(st.integers(9, 200))
        other = {"world": world, "place": draw(st.sampled_from(["", "", "somewhere"])), "start": start}
        other |= {"end": start + length, "vehicle": draw(st.sampled_from(["", "v1", "v2"]))}
        x, y, heading = draw(st.floats(-900, 900)), draw(st.floats(-900, 900)), draw(st.floats(0, 6.28))
        speed, turn = draw(st.floats(0, 25)), draw(st.sampled_from([0.0, 0.0, 0.05]))
        for t in np.arange(2, length - 6.4, draw(st.sampled_from([1.3, 3.1]))):
            along_x, along_y = np.cos(heading + turn * t) * speed * t, np.sin(heading + turn * t) * speed * t
            rows.append((f"d{i}", start + float(t), x + along_x, y + along_y, other))
    return moments(rows)


@settings(max_examples=60, deadline=None)
@given(towns(), st.sampled_from(["place", "drive", "vehicle"]))
def test_no_two_splits_are_ever_near_or_overlap(town, by):
    split = kept_apart(town, splits_of(town, by))
    assert broken(town, split) == 0
    kept = np.flatnonzero(split != BUFFER)
    assert_apart(town.some(kept), split[kept], by)
    if by != "place":
        names = getattr(town, by)
        for name in set(names[kept]) - {""}:
            assert len(set(split[kept][names[kept] == name])) == 1


@settings(max_examples=40, deadline=None)
@given(towns(), st.randoms())
def test_drives_added_move_no_old_moment_to_another_split(town, random):
    """A set of one single unit or drive may change its mind, and so may who is at a place without coordinates."""
    known = [name for name in sorted(set(town.drive)) if random.random() < 0.6]
    old = np.flatnonzero(np.isin(town.drive, known))
    if len(set(town.drive[old])) < 2:
        return
    before, after = splits_of(town.some(old)), splits_of(town)[old]
    by_place = town.place[old] != ""
    if len(set(before[~by_place])) > 1:
        assert before[~by_place].tolist() == after[~by_place].tolist()


def test_a_zone_of_the_map_is_no_border():
    """Two drives meet at 12° east near Erfurt, where zone 32 ends; one came from the west and one from the east."""
    lat, lon = np.radians([51.0, 51.0]), np.radians([12.0, 12.0004])
    (west, north_w, _), (east, north_e, _) = utm(lat[:1], lon[:1], "utm-32n"), utm(lat[1:], lon[1:], "utm-33n")
    far = utm(lat[:1], lon[:1] + 1e-4, "utm-33n")
    rows = [("a", 5, west[0], north_w[0], {"world": "utm-32n"}), ("b", 5, east[0], north_e[0], {"world": "utm-33n"})]
    rows += [("c", 5, far[0][0], far[1][0], {"world": "utm-33n"}), ("d", 5, west[0], north_w[0], {"world": "utm-99n"})]
    split = np.array(["test", "train", "train", "train"], dtype=object)
    assert kept_apart(moments(rows), split).tolist() == ["test", "buffer", "train", "train"]
    with pytest.raises(CausewayError, match="within 50 m"):
        assert_apart(moments(rows), split)


def test_a_place_without_coordinates_draws_those_with_coordinates_to_it():
    """Nothing says how near the drive that has none comes to the others of its place."""
    spots = [(f"d{i}", 5, 900.0 * i, 0, {"world": "city", "place": "tokyo"}) for i in range(30)]
    assert len(set(splits_of(moments(spots)))) == 3
    blind = [("blind", 5, 0, 0, {"place": "tokyo"})]
    other = [("o", 5, 0, 0, {"place": "kyoto"})]
    assert len(set(splits_of(moments(spots + blind + other))[:-1])) == 1


def test_who_splits_by_drive_or_vehicle_splits_by_that_alone():
    rows = [(f"d{i}", 5, 0, 0, {"place": "germany", "vehicle": f"v{i % 9}" if i < 90 else ""}) for i in range(200)]
    m = moments(rows)
    assert len(set(splits_of(m))) == 1
    drives, cars = splits_of(m, "drive"), splits_of(m, "vehicle")
    assert 0.6 < np.mean(drives == "train") < 0.8
    assert all(len(set(cars[:90][k::9])) == 1 for k in range(9))
    assert cars[90:].tolist() == drives[90:].tolist()


def test_a_set_of_one_drive_has_train_wherever_it_is():
    def lone(seconds, **at):
        return splits_of(moments([("d", t, 14.0 * t, 0, {"end": seconds} | at) for t in np.arange(2, seconds - 6.4)]))

    for at in ({}, {"world": "w"}, {"place": "p"}, {"place": "p", "world": "w"}):
        assert set(lone(20, **at)) == {"train"}
        assert set(lone(90, **at)) == {"train", "val", "test", "buffer"}


@pytest.mark.parametrize("metres", [0.0, 300.0])
def test_a_long_drive_that_stays_where_it_is_is_train(metres):
    """To stand for five minutes, or to go round a block of 300 m, is no reason to lose what can be learnt from it."""
    t = np.arange(2, 293, 1.3)
    angle = t / 30 * 2 * np.pi
    x, y = metres / 6 * np.cos(angle), metres / 6 * np.sin(angle)
    rows = [("a", s, x[i], y[i], {"end": 300}) for i, s in enumerate(t)]
    m = moments(rows + [("b", s, 20 * s, 0, {"end": 300}) for s in t])
    split = kept_apart(m, splits_of(m))
    assert set(split[: len(t)]) == {"train"}
    assert {"train", "val", "test"} <= set(split[len(t) :])


def test_a_table_that_breaks_a_rule_is_refused():
    near = moments([("a", 5, 0, 0, {"world": "w"}), ("b", 5, 30, 0, {"world": "w"})])
    with pytest.raises(CausewayError, match="within 50 m"):
        assert_apart(near, np.array(["test", "train"], dtype=object))
    assert_apart(near, np.array(["test", "test"], dtype=object))
    long = moments([("a", 5, 0, 0, {}), ("a", 9, 500, 0, {})])
    with pytest.raises(CausewayError, match="window"):
        assert_apart(long, np.array(["val", "train"], dtype=object))
    cars = moments([("a", 5, 0, 0, {"vehicle": "v"}), ("b", 5, 0, 0, {"vehicle": "v"})])
    with pytest.raises(CausewayError, match="vehicle v"):
        assert_apart(cars, np.array(["val", "train"], dtype=object), "vehicle")
    assert_apart(cars, np.array(["val", "train"], dtype=object))
    with pytest.raises(CausewayError, match="buffer"):
        assert_apart(cars, np.array(["val", "buffer"], dtype=object))
    with pytest.raises(UsageError, match="split_by 'moon'"):
        splits_of(cars, "moon")


def test_the_order_of_rows_says_nothing(rng):
    rows = [(f"d{i % 9}", 3 + i, 40.0 * i, 0, {"world": "w" if i % 2 else "", "end": 300}) for i in range(200)]
    order = rng.permutation(200)
    m = moments(rows)
    split, shuffled = kept_apart(m, splits_of(m)), m.some(order)
    assert kept_apart(shuffled, splits_of(shuffled)).tolist() == split[order].tolist()
