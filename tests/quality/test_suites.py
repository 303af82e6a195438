"""Every expectation: a good row passes, and a planted fault trips exactly it."""

import re
from pathlib import Path

import pyarrow as pa
import pytest

from causeway.artifacts.closed_sets import (
    CHANNELS,
    COMPONENT_CATEGORIES,
    LATERAL,
    LONGITUDINAL,
    LONGITUDINAL_DECISIONS,
    TRACK_TYPES,
)
from causeway.artifacts.schemas import SCHEMAS
from causeway.errors import UsageError
from causeway.quality import SUITES, SUITES_OF_KIND, validate
from causeway.quality.suites import suites_for
from causeway.quality.track_classes import TRACK_CLASSES

# One good row of each suite's facts.
GOOD = {
    "columns": {
        "table_there": True,
        "there": True,
        "known": True,
        "type_agrees": True,
        "types": "",
        "nulls": 0.0,
        "strays": 0.0,
    },
    "clips": {
        **{"clip_id": "c", "drive_id": "d", "licence": "CC0", "span": "", "length_s": 20.0, "same_motion_as": "no"},
        **{"id_once": True, "span_agrees": True, "tracks_agree": True, "map_agrees": True, "signals_agree": True},
        **{"unusable_track_share": 0.0, "same_pictures_as": "no"},
    },
    "ego": {
        **{"has_ticks": True, "finite": True, "time_increases": True, "ticks": "", "not_finite": ""},
        **{"speed_source": "measured", "tick_error_s": 0.0, "pose_gap_s": 0.1, "rotation_error": 0.0},
        **{"fastest_mps": 30.0, "slowest_mps": 0.0, "accel_p95_mps2": 3.0, "accel_max_mps2": 5.0},
        **{"sideways_p95_mps2": 3.0, "yaw_rate_max_radps": 0.6, "pose_jump_m": 0.1, "climb_share": 0.05},
        **{"speed_vs_path": 0.01, "speed_vs_derived_mps": 0.2, "accel_vs_speed_mps": 0.3},
        **{"yaw_vs_course_rad": 0.01, "standing_jitter_m": 0.0, "standing_turn_rad": 0.0},
    },
    "cameras": {
        **{"rig_present": True, "one_size": True, "pictures": 200.0, "black_share": 0.0, "blurred_share": 0.0},
        **{"frozen_share": 0.0, "frozen": 0.0, "missing_share": 0.0, "longest_gap_s": 0.1, "gaps": ""},
    },
    "rigs": {
        **{"model": "pinhole", "focal_share": 0.8, "pixel_aspect": 1.0, "centre_offset": 0.02},
        **{"distortion_finite": True},
        **{"rotation_error": 0.0, "upright": 1.0, "mount_height_m": 1.5, "mount_reach_m": 1.7, "differs": True},
        **{"length_m": 4.5, "width_m": 1.9, "wheelbase_share": 0.6},
    },
    "frames": {
        **{"first_of_its_time": True, "in_clip": True, "time": "", "decodable": True, "size_agrees": True},
        **{"sizes": "", "brightest": 220.0, "spread": 200.0, "sharpness": 0.3},
    },
    "tracks": {
        **{"type": "car", "type_stays": True, "types": "", "finite": True, "rows_once": True, "in_clip": True},
        **{"size_fits": True, "size": "", "speed_excess_mps": 0.0, "speed": "", "jump_m": 0.1, "jitter_m": 0.05},
        **{"velocity_error_mps": 0.3, "known_after_s": 0.1, "farthest_m": 80.0},
    },
    "lanes": {
        **{"once": True, "kind": "drive", "finite": True, "points": 20.0, "length_m": 40.0, "longest_step_m": 2.0},
        **{"width_m": 3.5},
    },
    "road_elements": {"once": True, "kind": "stop_line", "finite": True, "points": 2.0},
    "signals": {"once": True, "state": "red", "in_clip": True},
    "route": {"once": True, "finite": True, "points": 10.0},
    "truth": {
        **{"drive_id": "d", "longitudinal_decision": "yield", "lateral_decision": "none", "scenario": "curve"},
        **{"components_known": True, "components": "", "began_before_t0": True},
    },
    "meta_actions": {
        **{"clip_id": "c", "longitudinal": "stop", "lateral": "go_straight", "lane": "lane_keep", "lane_whole": True}
    },
    "moments": {
        **{"moment_id": "d@1", "clip_id": "c", "channel": "longitudinal", "actions_known": True, "change": ""},
        **{"changes": True, "scenario": "stop", "split": "train", "apart": True, "nearest": "", "range_s": 2.0},
    },
    "evidence": {
        **{"moment_id": "d@1", "event_after_t0_s": 0.0, "created_after_t0_s": -1.0, "since_after_t0_s": -3.0},
        **{"event_age_s": 0.0, "ego_speed_mps": 4.0, "types_known": True, "foreign_types": "", "signal_state": "red"},
        **{"lead_whole": True, "has_agrees": True, "nearest_m": 30.0, "split": "train"},
    },
    "labels": {
        **{"moment_id": "d@1", "longitudinal_decision": "yield", "lateral_decision": "none", "trace": "Yield."},
        **{"accepted_has_trace": True, "teacher": "rules", "critic_score": 1.0, "consistent": "yes"},
        **{"status": "accepted", "components_known": True, "components": "", "ranks_whole": True},
        **{"observed_before_t0": True, "accepted_has_cause": True, "rejected_has_reason": True},
    },
    "review_queue": {"moment_id": "d@1", "why": "no cause", "status": "review"},
    "samples": {
        **{"sample_id": "d@1", "split": "train", "clip_id": "c", "shard": "000000", "shard_there": True},
        **{"place": "000000:0", "cameras": 2.0, "longitudinal_decision": "none", "lateral_decision": "none"},
        **{"reasoning_agrees": True, "clip_in_one_split": True},
    },
    "policy": {
        **{"config_readable": True, "card_there": True, "header_readable": True, "whole": True, "size": ""},
        **{"tensors": 20.0, "no_pickle": True},
    },
    "rollouts": {"finite": True, "follows": True, "speed_mps": 8.0, "step_m": 0.8},
    "report": {
        **{"finite": True, "ordered": True, "interval": "", "unit": "m", "share": 0.5, "n": 20.0, "data_named": True}
    },
    "values": {"cluster": "c", "finite": True},
    "gate": {"verdict": "pass", "decision": "promote", "follows": True, "why": "because"},
    "release": {"policy": "p", "step": "registered", "why": "because"},
    "clips_left": {"dropped_share": 0.5, "told": "1 of 2 clips would be dropped"},
    "quality": {"follows": True, "unexpected_share": 0.0},
}

# What trips an expectation where it is not simply False, null, a foreign name or a number beyond the nearer bound.
FAULTS = {
    "reverse_speed": {"slowest_mps": -20.0},
    "speed": {"fastest_mps": 120.0},
    "upright": {"upright": -1.0},
    "focal_length": {"focal_share": 0.001},
    "share": {"share": 1.2},
}


def fault(expectation):
    """The columns of a good row that change so that this expectation is violated."""
    if expectation.name in FAULTS:
        return FAULTS[expectation.name]
    if expectation.check == "between":
        low, high = expectation.low, expectation.high
        beyond = low - 1 if high >= 1e9 else high + max(high - low, 1.0)
        return {expectation.column: beyond}
    return {expectation.column: {"true": False, "in_set": "nonsense", "not_null": None}[expectation.check]}


@pytest.mark.parametrize("name", SUITES)
def test_a_planted_fault_trips_exactly_its_expectation(name):
    """One table: a good row, then for each expectation a row that is good but for its fault."""
    by_row = [e for e in SUITES[name].expectations if e.check != "rows"]
    rows = [{"subject": f"row {i}", **GOOD[name]} for i in range(len(by_row) + 1)]
    keys = [e.column for e in by_row if e.check == "unique" and e.column != "subject"]
    for i, row in enumerate(rows):
        row |= {key: f"{key} {i}" for key in keys}
    for i, expectation in enumerate(by_row, start=1):
        column = expectation.column
        rows[i] |= {column: rows[0][column]} if expectation.check == "unique" else fault(expectation)
    found = {
        c.expectation.name: {f.subject for f in c.failures} for c in validate(pa.Table.from_pylist(rows), name).checks
    }
    for i, expectation in enumerate(by_row, start=1):
        twin = {rows[0]["subject"]} if expectation.check == "unique" else set()
        own = {rows[i]["subject"]} | twin
        assert found[expectation.name] == own, expectation.name


@pytest.mark.parametrize("name", [n for n, s in SUITES.items() if any(e.check == "rows" for e in s.expectations)])
def test_an_empty_table_violates_nothing_but_the_number_of_rows(name):
    empty = pa.Table.from_pylist([GOOD[name] | {"subject": "x"}]).slice(0, 0)
    failed = [c.expectation.check for c in validate(empty, name).checks if not c.passed]
    assert failed == ["rows"]


def test_every_suite_is_consistent():
    for suite in SUITES.values():
        names = [e.name for e in suite.expectations]
        assert len(set(names)) == len(names)
        for e in suite.expectations:
            assert (e.check == "in_set") == bool(e.values)
            assert e.check != "between" or (e.low is not None and e.high is not None and e.low <= e.high)
            assert e.why, e.name


def test_names_are_unique_within_a_kind():
    for kind in SUITES_OF_KIND:
        names = [e.name for suite in suites_for(kind) for e in suite.expectations]
        assert len(set(names)) == len(names), kind


def test_every_kind_has_suites():
    assert set(SUITES_OF_KIND) == set(SCHEMAS)
    for kind, suites in SUITES_OF_KIND.items():
        assert suites, kind


def test_a_suite_is_chosen_by_name():
    assert [s.name for s in suites_for("clips", "tracks")] == ["columns", "tracks"]
    assert [s.name for s in suites_for("clips")][:3] == ["columns", "clips", "ego"]
    with pytest.raises(UsageError, match="nonsense: no such suite; suites are columns, truth, clips, ego"):
        suites_for("clips", "nonsense")
    with pytest.raises(UsageError, match="suite labels is not for clips artifacts; theirs are columns, clips, ego"):
        suites_for("clips", "labels")


def test_closed_sets_are_spelled_once():
    from causeway.meta_actions import names as actions
    from causeway.reasoning import names

    assert actions.CHANNELS is CHANNELS
    assert (len(LONGITUDINAL), len(LATERAL), len(LONGITUDINAL_DECISIONS)) == (7, 7, 8)
    assert tuple(names.COMPONENT_KINDS) == COMPONENT_CATEGORIES
    assert tuple(TRACK_CLASSES) == TRACK_TYPES


DOCS = Path(__file__).resolve().parents[2] / "docs" / "quality-gate.md"


def test_the_page_in_docs_names_every_expectation_with_its_bound():
    from causeway.quality.suites.listing import listing

    text = DOCS.read_text(encoding="utf-8")
    begin, end = "<!-- suites -->\n", "<!-- /suites -->"
    told = re.search(f"{begin}(.*){end}", text, flags=re.DOTALL)
    assert told, "docs/quality-gate.md has lost its marks"
    assert told[1].strip() == listing().strip(), "write it anew: python -m causeway.quality.suites.listing"
