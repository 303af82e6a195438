"""Longitudinal and lateral meta actions: the vectorised detectors against a plain loop over ticks.

The plain loop is the readable form of the rules (docs/behaviour.md): one drive, one tick after the other, lists and
floats only. Both sides must give the same name to every tick.
Run with `.venv/bin/python benchmarks/bench_meta_actions.py`.
"""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from causeway.meta_actions import LATERAL, LONGITUDINAL, DetectorConfig, detect, detect_codes

TICKS_AN_HOUR = 36_000
HOURS, PLAIN_HOURS, REPEATS = 10, 1, 15


@dataclass
class Segment:
    """Ticks `start` up to, not including, `stop`; `sign` of the effort they make: -1, 0, 1."""

    start: int
    stop: int
    sign: int
    name: str = ""


@dataclass(frozen=True)
class Channel:
    """What the two channels do not share: names of segments, and what the names mean for settling."""

    classify: Callable[[int, int], str]
    lean: Callable[[int, int], str]
    calm: str
    weak: tuple[str, ...]
    side: Callable[[str], int]
    least: Callable[[str], int]


def plain_detect(t_us, yaw_rad, speed_mps, config=DetectorConfig()):  # noqa: B008 (frozen)
    """(longitudinal, lateral): lists of names for one drive, from lists of equal length."""
    speed = plain_smooth(speed_mps, config.smoothing_ticks)
    return plain_longitudinal(t_us, speed, config), plain_lateral(t_us, yaw_rad, speed, config)


def plain_longitudinal(t_us, speed, config):
    accel = plain_rate(speed, t_us)
    effort = plain_bands(accel, config.cut_accels_mps2, config.hysteresis)
    moves = plain_bands(speed, [config.cut_speed_mps], config.hysteresis)
    total = running_sum(speed)

    def classify(start, stop):
        seconds = seconds_of(t_us, start, stop)
        mean_speed = (total[stop - 1] - total[start] + speed[start]) / (stop - start)
        gained = change_of(speed, start, stop)
        mean_accel = gained / seconds if seconds > 0 else gained
        if mean_speed <= -config.standing_speed_mps:
            return "reverse"
        if mean_speed <= config.standing_speed_mps:
            return "stop"
        if gained >= config.speed_change_mps and mean_accel >= config.gentle_accel_mps2:
            return "strong_accelerate" if mean_accel >= config.strong_accel_mps2 else "gentle_accelerate"
        if gained <= -config.speed_change_mps and mean_accel <= -config.gentle_accel_mps2:
            return "strong_decelerate" if mean_accel <= -config.strong_accel_mps2 else "gentle_decelerate"
        return "maintain_speed"

    def lean(start, stop):
        seconds = seconds_of(t_us, start, stop)
        mean_accel = change_of(speed, start, stop) / (seconds if seconds > 0 else 1.0)
        if mean_accel >= config.gentle_accel_mps2:
            return "gentle_accelerate"
        return "gentle_decelerate" if mean_accel <= -config.gentle_accel_mps2 else "maintain_speed"

    def least(name):
        return config.maintain_ticks if name == "maintain_speed" else config.longitudinal_ticks

    def side(name):
        return name.endswith("accelerate") - name.endswith("decelerate")

    pieces = plain_cut(list(zip(moves, effort, strict=True)), effort, config)
    return plain_settle(pieces, Channel(classify, lean, "maintain_speed", ("maintain_speed", "stop"), side, least))


def plain_lateral(t_us, yaw_rad, speed, config):
    rolls = [abs(v) >= config.rolling_speed_mps for v in speed]
    heading = [0.0]
    for tick in range(1, len(yaw_rad)):
        step = yaw_rad[tick] - yaw_rad[tick - 1]
        step -= round(step / (2 * math.pi)) * (2 * math.pi)
        heading.append(heading[-1] + (step if rolls[tick] and rolls[tick - 1] else 0.0))
    heading = plain_smooth(heading, config.smoothing_ticks)
    turning = plain_rate(heading, t_us)
    rate = [w / abs(v) if rolling else 0.0 for w, v, rolling in zip(turning, speed, rolls, strict=True)]
    turns = plain_bands(rate, config.cut_rates_radpm, config.hysteresis)
    backs = [b < 0 for b in plain_bands(speed, [config.cut_reverse_mps], config.hysteresis)]
    total, driven = running_sum(speed), running_sum([abs(v) for v in speed])

    def rate_of(start, stop):
        rolled_mps = (driven[stop - 1] - driven[start] + abs(speed[start])) / (stop - start)
        driven_m = rolled_mps * seconds_of(t_us, start, stop)
        rolled = driven_m > 0 and rolled_mps >= config.rolling_speed_mps
        return change_of(heading, start, stop) / driven_m if rolled else 0.0

    def classify(start, stop):
        mean_speed = (total[stop - 1] - total[start] + speed[start]) / (stop - start)
        turn, a_metre = change_of(heading, start, stop), abs(rate_of(start, stop))
        side = "left" if turn > 0 else "right"
        backwards = mean_speed <= -config.cut_reverse_mps
        if backwards and a_metre >= config.reverse_rate_radpm and abs(turn) >= config.reverse_turn_rad:
            return f"reverse_{side}"
        if a_metre >= config.sharp_rate_radpm and abs(turn) >= config.sharp_turn_rad:
            return f"sharp_steer_{side}"
        if a_metre >= config.steer_rate_radpm and abs(turn) >= config.steer_turn_rad:
            return f"steer_{side}"
        return "go_straight"

    def lean(start, stop):
        if rate_of(start, stop) >= config.steer_rate_radpm:
            return "steer_left"
        return "steer_right" if rate_of(start, stop) <= -config.steer_rate_radpm else "go_straight"

    def side(name):
        return name.endswith("_left") - name.endswith("_right")

    pieces = plain_cut(list(zip(turns, backs, strict=True)), turns, config)
    least = config.lateral_ticks
    return plain_settle(pieces, Channel(classify, lean, "go_straight", ("go_straight",), side, lambda name: least))


def plain_smooth(values, width):
    """Mean over the tick and up to width // 2 ticks on both sides, as many before as after."""
    count, smoothed = len(values), []
    for tick in range(count):
        half = min(width // 2, tick, count - 1 - tick)
        total = values[tick - half]
        for other in range(tick - half + 1, tick + half + 1):
            total += values[other]
        smoothed.append(total / (2 * half + 1))
    return smoothed


def plain_rate(values, t_us):
    """Change per second from the tick before to the tick after."""
    count, rates = len(values), []
    for tick in range(count):
        before, after = max(tick - 1, 0), min(tick + 1, count - 1)
        rates.append((values[after] - values[before]) / ((t_us[after] - t_us[before]) / 1e6) if count > 1 else 0.0)
    return rates


def running_sum(values):
    total, sums = 0.0, []
    for value in values:
        total += value
        sums.append(total)
    return sums


def seconds_of(t_us, start, stop):
    """How long a segment lasts, from the middle between two ticks to the middle between two ticks."""
    before, after = max(start - 1, 0), min(stop, len(t_us) - 1)
    return (t_us[stop - 1] + t_us[after] - t_us[before] - t_us[start]) / 2e6


def change_of(values, start, stop):
    """How much a value changes over a segment, between the same places."""
    before, after = max(start - 1, 0), min(stop, len(values) - 1)
    return (values[stop - 1] + values[after]) / 2 - (values[before] + values[start]) / 2


def plain_bands(values, levels, hysteresis):
    """How many levels each value is beyond: entered at +15 %, left at -15 %, negative on the negative side."""
    found = [0] * len(values)
    for level in levels:
        for sign in (1, -1):
            on = False
            for tick, value in enumerate(values):
                if tick == 0:
                    on = sign * value >= level
                elif sign * value >= level * (1 + hysteresis):
                    on = True
                elif sign * value < level * (1 - hysteresis):
                    on = False
                found[tick] += sign * on
    return found


def plain_cut(band, effort, config):
    """Pieces: stretches of one band. A band held too shortly belongs to the next one that is held, or to the one
    before while it has that one's sign and the next has not.
    """
    count = len(band)
    bands = []  # [start, stop, sign] of each stretch
    for tick in range(count):
        if tick == 0 or (band[tick] != band[tick - 1] and tick < count - config.quiet_end_ticks):
            bands.append([tick, count, (effort[tick] > 0) - (effort[tick] < 0)])
            if len(bands) > 1:
                bands[-2][1] = tick
    pieces, begin, short = [], 0, []
    for start, stop, sign in bands:
        if stop - start < config.skip_ticks:
            short.append((stop, sign))
            continue
        while short and pieces and short[0][1] == pieces[-1].sign != 0 and sign != pieces[-1].sign:
            begin = pieces[-1].stop = short.pop(0)[0]  # an effort that fades
        pieces.append(Segment(begin, stop, sign))
        begin, short = stop, []
    if not pieces:
        return [Segment(0, count, bands[-1][2])]
    pieces[-1].stop = count
    return pieces


def plain_settle(pieces, channel):
    """A name for each tick."""
    for piece in pieces:
        piece.name = channel.classify(piece.start, piece.stop)
    name_efforts(pieces, channel)
    segments = join_equal(pieces)
    for segment in segments:
        if segment.name == channel.calm:
            segment.name = channel.classify(segment.start, segment.stop)
    segments = join_short(join_equal(segments), channel)
    names = absorb_short(segments, channel)
    return [name for name, s in zip(names, segments, strict=True) for _ in range(s.start, s.stop)]


def name_efforts(pieces, channel):
    """Neighbouring pieces of one sign are one effort."""
    first = 0
    while first < len(pieces):
        last = first
        while pieces[first].sign and last + 1 < len(pieces) and pieces[last + 1].sign == pieces[first].sign:
            last += 1
        if last > first:
            name_effort(pieces[first : last + 1], channel)
        first = last + 1


def name_effort(effort, channel):
    """Weak pieces of an effort that is not weak are called by their rate alone, else like the nearest that is not."""
    whole = channel.classify(effort[0].start, effort[-1].stop)
    if whole in channel.weak and all(piece.name in channel.weak for piece in effort):
        return
    for piece in effort:
        if piece.name in channel.weak:
            piece.name = channel.lean(piece.start, piece.stop)
    strong = {i: piece.name for i, piece in enumerate(effort) if piece.name not in channel.weak}
    for i, piece in enumerate(effort):
        if strong and piece.name in channel.weak:
            piece.name = strong[min(strong, key=lambda k: (abs(k - i), k < i))]  # of two as near, the one after


def join_equal(segments):
    joined = []
    for segment in segments:
        if joined and joined[-1].name == segment.name:
            joined[-1].stop = segment.stop
        else:
            joined.append(segment)
    return joined


def join_short(segments, channel):
    """Neighbours that are each too short to stand alone become one segment, classified as such."""
    joined, grown, was_short = [], set(), False
    for segment in segments:
        is_short = segment.stop - segment.start < channel.least(segment.name)
        if is_short and was_short:
            joined[-1].stop = segment.stop
            grown.add(len(joined) - 1)
        else:
            joined.append(segment)
        was_short = is_short
    for i in grown:
        joined[i].name = channel.classify(joined[i].start, joined[i].stop)
    return joined


def absorb_short(segments, channel):
    """Names: a short segment is called like a long one next to it, of its own side first, then the one before."""
    long = [s.stop - s.start >= channel.least(s.name) for s in segments]
    names = []
    for i, segment in enumerate(segments):
        before = next((segments[k].name for k in range(i - 1, -1, -1) if long[k]), None)
        after = next((segments[k].name for k in range(i + 1, len(segments)) if long[k]), None)
        side = channel.side(segment.name)
        if long[i]:
            names.append(segment.name)
        elif after and side and channel.side(after) == side and not (before and channel.side(before) == side):
            names.append(after)
        else:
            names.append(before or after or segment.name)
    return names


def made_drive(ticks, seed=0, speed_noise_mps=0.02, yaw_noise_rad=5e-4):
    """(t_us, x_m, y_m, yaw_rad, speed_mps) of town-like driving: something new every few seconds, some noise."""
    rng = np.random.default_rng(seed)
    knots = ticks // 50 + 2
    at = np.arange(ticks) / 50
    target = np.clip(rng.normal(8, 6, knots), -1.5, 25) * (rng.random(knots) > 0.2)
    curvature = rng.normal(0, 0.03, knots) * (rng.random(knots) < 0.5)
    speed = np.interp(at, np.arange(knots), target)
    yaw = np.cumsum(speed * np.interp(at, np.arange(knots), curvature)) * 0.1
    x, y = np.cumsum(speed * np.cos(yaw)) * 0.1, np.cumsum(speed * np.sin(yaw)) * 0.1
    noisy = speed + rng.normal(0, speed_noise_mps, ticks), yaw + rng.normal(0, yaw_noise_rad, ticks)
    return np.arange(ticks) * 100_000, x, y, noisy[1], noisy[0]


def best_of(repeats, call):
    """The shortest time of some calls, in seconds of one core."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def main():
    drive = made_drive(HOURS * TICKS_AN_HOUR)
    short = [values[: PLAIN_HOURS * TICKS_AN_HOUR] for values in drive]
    t_us, _, _, yaw, speed = (values.tolist() for values in short)
    plain_s = best_of(1, lambda: plain_detect(t_us, yaw, speed)) / PLAIN_HOURS
    ours, plain = detect(*short), plain_detect(t_us, yaw, speed)
    for mine, theirs, closed in zip(ours, plain, (LONGITUDINAL, LATERAL), strict=True):
        assert mine.tolist() == theirs, "the two sides differ"
        print(", ".join(f"{name} {theirs.count(name)}" for name in closed), file=sys.stderr)
    one_s = best_of(REPEATS, lambda: detect_codes(*short)) / PLAIN_HOURS
    names_s = best_of(REPEATS, lambda: detect(*short)) / PLAIN_HOURS
    many_s = best_of(REPEATS, lambda: detect_codes(*drive)) / HOURS
    batch = [values.reshape(HOURS * 10, -1) for values in drive]
    batch_s = best_of(REPEATS, lambda: detect_codes(*batch)) / HOURS
    print(f"plain loop over ticks            {1 / plain_s:8.1f} clip-hours/s on one core")
    sides = {"one hour": one_s, "one hour, names": names_s, f"{HOURS} hours": many_s, "100 drives of 6 min": batch_s}
    for name, seconds in sides.items():
        print(f"{name:32s} {1 / seconds:8.1f} clip-hours/s on one core, {plain_s / seconds:6.1f} x the plain loop")


if __name__ == "__main__":
    main()
