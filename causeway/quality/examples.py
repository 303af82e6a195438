"""The worst of an artifact as pictures: motion as plots, camera pictures themselves, tracks from above.

Knows which rows of a clips artifact a failed expectation is about, and reads those clips alone. Does not know how a
page looks. Where nothing fails, what came nearest to a bound is shown and called so.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from causeway.artifacts import Artifact
from causeway.artifacts.markup import Markup, el, picture
from causeway.clips.access import ego_motion, rows_of_clip
from causeway.quality.drawings import from_above, over_time, pictures_in_time
from causeway.quality.facts.motion import derived_speed
from causeway.quality.facts.tracks import track_names
from causeway.quality.report import Check, Failure, QualityReport
from causeway.quality.suites import SUITES

_MOTIONS, _PICTURES, _TRACKS = 3, 6, 3
_WIDTH_PX = 320
_GRAVITY_MPS2 = 9.81


@dataclass(frozen=True)
class Example:
    """One figure: what it shows, why it is shown, and the drawing."""

    kind: str  # motion, pictures or tracks
    title: str
    reasons: tuple[str, ...]
    body: Markup


def examples_of(report: QualityReport, artifact: Artifact) -> list[Example]:
    """Figures of the worst clips, pictures and tracks of a clips artifact; none for other kinds."""
    if artifact.manifest.kind != "clips" or any(c.suite == "columns" for c in report.refusals):
        return []
    return [*_motions(report, artifact), *_pictures(report, artifact), *_tracks(report, artifact)]


def _worst(report: QualityReport, suites: tuple[str, ...], limit: int) -> list[tuple[Failure, list[str]]]:
    """The worst failure of each expectation in turn, one a subject, with everything else that is wrong with it."""
    failed = [c for c in report.checks if c.suite in suites and not c.passed and c.failures]
    failed.sort(key=lambda c: c.expectation.on_failure == "warn")
    chosen: dict[str, Failure] = {}
    for place in range(limit):
        for check in failed:
            if place < len(check.failures) and len(chosen) < limit:
                chosen.setdefault(check.failures[place].subject, check.failures[place])
    return [(failure, list(_reasons(failed, failure.subject))) for failure in chosen.values()]


def _reasons(checks: list[Check], subject: str) -> Iterator[str]:
    for check in checks:
        for failure in check.failures:
            if failure.subject == subject:
                e = check.expectation
                yield (
                    f"{e.name}: {e.why}"
                    if e.check == "true" and not e.about
                    else f"{e.name}: {failure.shown}" + ("" if e.check == "true" else f", expected {e.wanted}")
                )


def _nearest(report: QualityReport, suites: tuple[str, ...]) -> list[tuple[Failure, list[str]]]:
    """The row that came nearest to a bound, when none violates one."""
    found = [(c, c.nearest) for c in report.checks if c.suite in suites and c.nearest is not None and _can_be_near(c)]
    if not found:
        return []
    check, failure = max(found, key=lambda pair: pair[1].excess)
    e = check.expectation
    return [(failure, [f"nothing is wrong: the nearest to a bound is {e.name} with {failure.shown}, {e.wanted}"])]


def _can_be_near(check: Check) -> bool:
    e = check.expectation
    return e.low is not None and e.high is not None and e.low < e.high and e.name not in _NOT_NEAR


_NOT_NEAR = ("clip_length", "even_ticks")  # whole clips are at their bound


def _motions(report: QualityReport, clips: Artifact) -> Iterator[Example]:
    suites = tuple(n for n, s in SUITES.items() if s.drawn == "motion")
    gaps = [c for c in report.checks if c.expectation.name in ("missing_pictures", "longest_gap") and not c.passed]
    chosen = _worst(report, suites, _MOTIONS) or _nearest(report, suites)
    shown = {failure.clip_id for failure, _ in chosen}
    for check in gaps:
        for failure in check.failures[:1]:
            if failure.clip_id not in shown:
                shown.add(failure.clip_id)
                chosen.append((failure, list(_reasons(gaps, failure.subject))))
    for failure, reasons in chosen:
        body = _motion_figure(clips, failure.clip_id)
        if body is not None:
            yield Example("motion", failure.clip_id, tuple(reasons), body)


def _motion_figure(clips: Artifact, clip_id: str) -> Markup | None:
    """Speed told and derived, acceleration, the path, and when pictures were taken."""
    rows = rows_of_clip(clips, "ego", clip_id)
    if rows.num_rows < 2 or any(rows.column(n).null_count for n in rows.column_names):
        return None
    ego = ego_motion(rows)
    t_s = (ego.t_us - ego.t_us.min()) * 1e-6
    with np.errstate(all="ignore"):
        derived = derived_speed(ego)
    drawn: list[Any] = [
        over_time("Speed", "m/s", t_s, {"told": ego.speed_mps, "derived": derived}),
        over_time("Acceleration", "m/s²", t_s, {"told": ego.accel_mps2}, (-_GRAVITY_MPS2, _GRAVITY_MPS2)),
        from_above("Path from above", {"path": [np.stack([ego.x_m, ego.y_m], axis=-1)]}),
    ]
    frames = rows_of_clip(clips, "frames", clip_id).select(["camera", "t_us"])
    if frames.num_rows:
        drawn.append(_camera_times(frames, int(ego.t_us.min()), float(t_s.max())))
    return el("div", drawn, class_="plots")


def _camera_times(frames: pa.Table, start_us: int, length_s: float) -> Markup:
    camera = frames.column("camera").to_numpy(zero_copy_only=False).astype(str)
    t_s = (frames.column("t_us").to_numpy() - start_us) * 1e-6
    times = {name: t_s[camera == name] for name in sorted(set(camera))}
    steps = [np.median(np.diff(np.sort(t))) for t in times.values() if len(t) > 2]
    gap_s = 1.75 * max(steps, default=length_s)
    return pictures_in_time("When pictures were taken", length_s, times, float(gap_s))


def _pictures(report: QualityReport, clips: Artifact) -> Iterator[Example]:
    chosen = _worst(report, ("frames",), _PICTURES) or _nearest(report, ("frames",))
    for failure, reasons in chosen:
        image = _frame(clips, failure)
        if image is not None:
            yield Example("pictures", failure.subject, tuple(reasons), image)
    for failure, reasons in _worst_frozen(report):
        pair = _frozen_pair(clips, failure)
        if pair is not None:
            yield Example("pictures", failure.subject, tuple(reasons), pair)


def _worst_frozen(report: QualityReport) -> list[tuple[Failure, list[str]]]:
    checks = [c for c in report.checks if c.expectation.name in ("frozen_pictures", "frozen_picture") and c.failures]
    found = {f.subject: f for check in checks for f in check.failures[:2]}
    return [(failure, list(_reasons(checks, failure.subject))) for failure in list(found.values())[:2]]


def _frame(clips: Artifact, failure: Failure) -> Markup | None:
    rows = rows_of_clip(clips, "frames", failure.clip_id)
    if not 0 <= failure.item < rows.num_rows:
        return None
    data = rows.column("image")[failure.item].as_py()
    small = _thumbnail(data)
    if small is None:
        return el("p", f"{len(data or b'')} bytes that are no picture", class_="none")
    return picture(small, f"the picture {failure.subject}")


def _frozen_pair(clips: Artifact, failure: Failure) -> Markup | None:
    """The two pictures in a row of a camera that are most alike while the car moves."""
    from causeway.quality.facts.pictures import difference, look_at

    camera = failure.subject.removeprefix(f"{failure.clip_id} ")
    rows = rows_of_clip(clips, "frames", failure.clip_id)
    rows = rows.filter(pa.array([name == camera for name in rows.column("camera").to_pylist()], pa.bool_()))
    ego = rows_of_clip(clips, "ego", failure.clip_id)
    speed = np.abs(np.interp(rows.column("t_us").to_numpy(), ego.column("t_us").to_numpy(),
                             ego.column("speed_mps").to_numpy()))  # fmt: skip
    best, last = (np.inf, -1), None
    for i in range(rows.num_rows):
        look = look_at(rows.column("image")[i].as_py())
        if look is not None and last is not None and speed[i] > 1.0:
            best = min(best, (difference(look.small, last.small), i))
        last = look
    if best[1] < 1:
        return None
    pair = [_thumbnail(rows.column("image")[i].as_py()) for i in (best[1] - 1, best[1])]
    times = [rows.column("t_us")[i].as_py() for i in (best[1] - 1, best[1])]
    said = f"{(times[1] - times[0]) / 1e6:.2f} s and {speed[best[1]] * (times[1] - times[0]) / 1e6:.1f} m apart"
    shown = [picture(p, f"{camera} at {t} µs") for p, t in zip(pair, times, strict=True) if p is not None]
    return el("div", shown, el("p", said, class_="none"), class_="pair")


def _thumbnail(data: bytes | None) -> bytes | None:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data or b"")) as image:
            image.draft("RGB", (_WIDTH_PX, _WIDTH_PX * image.height // max(image.width, 1)))
            small = image.convert("RGB")
            small.thumbnail((_WIDTH_PX, _WIDTH_PX))
            buffer = io.BytesIO()
            small.save(buffer, "JPEG", quality=72)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    return buffer.getvalue()


def _tracks(report: QualityReport, clips: Artifact) -> Iterator[Example]:
    for failure, reasons in _worst(report, ("tracks",), _TRACKS):
        body = _track_figure(clips, failure)
        if body is not None:
            yield Example("tracks", failure.subject, tuple(reasons), body)


def _track_figure(clips: Artifact, failure: Failure) -> Markup | None:
    """The object's path and its box in its first and last tick, beside the ego's path and those of others."""
    rows = rows_of_clip(clips, "tracks", failure.clip_id)
    names, of_row = track_names(rows)
    if not 0 <= failure.item < len(names):
        return None
    xy = np.stack([rows.column(n).to_numpy().astype(float) for n in ("x_m", "y_m")], axis=-1)
    mine = np.flatnonzero(of_row == failure.item)
    mine = mine[np.argsort(rows.column("t_us").to_numpy()[mine], kind="stable")]
    ego = rows_of_clip(clips, "ego", failure.clip_id)
    path = np.stack([ego.column(n).to_numpy().astype(float) for n in ("x_m", "y_m")], axis=-1)
    boxes = [_box(rows, int(row)) for row in (mine[0], mine[-1])]
    return el("div", from_above("From above", {"bad": [xy[mine]], "path": [path]}, boxes), class_="plots")


def _box(rows: pa.Table, row: int) -> np.ndarray:
    x, y, yaw, length, width = (float(rows.column(n)[row].as_py() or 0.0)
                                for n in ("x_m", "y_m", "yaw_rad", "length_m", "width_m"))  # fmt: skip
    corners = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) / 2 * [length, width]
    turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    return corners @ turn + [x, y]
