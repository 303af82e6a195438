"""What a sample shows of the ego is what was known at t0, though ticks lie between raw readings."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from causeway.artifacts import Artifact, run
from causeway.clips import EgoMotion
from causeway.clips.access import ego_by_drive
from causeway.clips.ingest import IngestConfig, ingest
from causeway.clips.readers.physicalai import layout
from causeway.errors import UnusableInput
from causeway.training.sample_parts import ego_windows, route_ahead
from tests.reasoning import raw_drive

TICK_US, T0_US = 100_000, 5_000_000
LINE = np.array([[0.0, 0.0], [400.0, 0.0]])


def straight(late: dict[int, int] | None = None, accel_mps2: float = 0.0, garbage: float = 0.0) -> EgoMotion:
    """10 m/s at tick 0 along x. `late`: {tick: ticks until it is known}; such ticks are `garbage` metres off."""
    ticks, late = np.arange(130), late or {}
    t_us, t_s = ticks * TICK_US, ticks * 0.1
    observed = t_us + np.array([late.get(i, 0) for i in ticks]) * TICK_US
    x, speed = 10.0 * t_s + accel_mps2 * t_s**2 / 2, 10.0 + accel_mps2 * t_s
    off, zeros = np.where(np.isin(ticks, list(late)), garbage, 0.0), np.zeros(130)
    accel = zeros + accel_mps2
    return EgoMotion(t_us, x + off, off.copy(), zeros, off, speed + off, accel, zeros, zeros, observed, zeros)


def test_what_was_known_in_time_is_shown_as_it_was() -> None:
    history, speed_mps, future = ego_windows(straight(), T0_US)
    np.testing.assert_allclose(history[:, 0], np.arange(-15, 1), atol=1e-5)
    np.testing.assert_allclose(future[:, 0], np.arange(1, 65), atol=1e-5)
    assert speed_mps == 10.0


@pytest.mark.parametrize("garbage", [0.0, 3.0, 1e6])
def test_a_tick_that_needs_a_later_reading_is_foretold(garbage: float) -> None:
    ego = straight({49: 2, 50: 1}, accel_mps2=-2.0, garbage=garbage)
    history, speed_mps, _ = ego_windows(ego, T0_US)
    plain, plain_mps, _ = ego_windows(straight(accel_mps2=-2.0), T0_US)
    np.testing.assert_allclose(history, plain, atol=1e-5)
    assert speed_mps == pytest.approx(plain_mps)
    ahead, plain_ahead = (route_ahead(one, T0_US, LINE, 5) for one in (ego, straight(accel_mps2=-2.0)))
    assert ahead is not None
    assert plain_ahead is not None
    np.testing.assert_allclose(ahead, plain_ahead, atol=1e-4)


def test_the_answer_starts_where_the_vehicle_really_was() -> None:
    ego = straight({50: 1})
    ego.x_m[50] += 0.2  # it was farther than one could know
    history, _, future = ego_windows(ego, T0_US)
    assert history[:, 0] == pytest.approx(np.arange(-15, 1), abs=1e-5)
    assert future[:, 0] == pytest.approx(np.arange(1, 65) - 0.2, abs=1e-5)


def test_a_turn_goes_on() -> None:
    yaw = 0.03 * np.arange(130)
    ego = straight()
    ego.x_m[:], ego.y_m[:], ego.yaw_rad[:] = np.sin(yaw) / 0.03, (1 - np.cos(yaw)) / 0.03, yaw
    ego.yaw_rate_radps[:] = 0.3
    plain, _, _ = ego_windows(ego, T0_US)
    ego.observed_us[50] += 1
    foretold, _, _ = ego_windows(ego, T0_US)
    assert not np.array_equal(foretold, plain)
    np.testing.assert_allclose(foretold, plain, atol=1e-3)


def test_nothing_known_for_half_a_second_is_no_sample() -> None:
    with pytest.raises(UnusableInput, match=r"0\.5 s before t0"):
        ego_windows(straight(dict.fromkeys(range(45, 51), 6)), T0_US)
    history, _, _ = ego_windows(straight(dict.fromkeys(range(46, 51), 6)), T0_US)
    assert history[-1].tolist() == [0.0, 0.0, 0.0]


def driven_farther(tables: raw_drive.Tables) -> raw_drive.Tables:
    """Every reading of the ego after t0 is 0.3 m farther on and 2 m/s faster: not so much that it would be cleaned."""
    ego = tables[layout.EGOMOTION]
    late = ego.column("timestamp").to_numpy() > T0_US
    for name, by in (("y", 0.3), ("vy", 2.0)):
        moved = pa.array(ego.column(name).to_numpy() + by * late)
        ego = ego.set_column(ego.column_names.index(name), name, moved)
    return tables | {layout.EGOMOTION: ego}


@pytest.mark.parametrize("ego_ms", [10, 130])  # with 130 ms the tick at t0 lies between two readings
def test_a_spoilt_recording_after_t0_changes_no_input(tmp_path: Path, ego_ms: int) -> None:
    tables, found = raw_drive.drive(ego_ms=ego_ms), []
    for name, given in (("clean", tables), ("spoilt", driven_farther(tables))):
        drives = raw_drive.write(tmp_path / name, given)
        config = IngestConfig(layout="physicalai-av")
        clips = run(ingest, {"drives": drives}, out=str(tmp_path / f"{name}-clips"), config=config)
        (ego,) = ego_by_drive(Artifact(clips)).values()
        found.append((ego_windows(ego, T0_US), route_ahead(ego, T0_US, LINE, 8)))
    (clean, clean_route), (spoilt, spoilt_route) = found
    np.testing.assert_array_equal(spoilt[0], clean[0])
    assert spoilt[1] == clean[1]
    assert clean_route is not None
    np.testing.assert_array_equal(spoilt_route, clean_route)
    assert not np.allclose(spoilt[2], clean[2])  # the future is another one
