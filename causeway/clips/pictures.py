"""Pictures of a drive, clip by clip: thinned to the wanted rate, encoded, the unusable ones named.

Knows streams of frames. Does not know layouts or tables other than `frames`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from causeway.clips.readers.video import as_jpeg
from causeway.clips.types import Drive, Frame
from causeway.errors import UnusableInput

_NEVER_US = 2**62


class FrameQueue:
    """One camera's pictures in time order, taken in pieces; holds two pictures at most.

    `left_out` has (where, reason, detail) of pictures that cannot be put in order and of a video that breaks off,
    `thinned` counts those that come faster than `max_hz`. Both are whole once the last piece was taken.
    """

    def __init__(self, drive: Drive, camera: str, max_hz: float) -> None:
        self.left_out: list[tuple[str, str, str]] = []
        self.thinned = 0
        self._camera = camera
        self._shortest_us = 0.75e6 / max_hz  # three quarters: 10 Hz with jitter stays whole, 30 Hz becomes 10
        self._frames = self._usable(drive.frames(camera))
        self._next: Frame | None = None

    def until(self, end_us: int) -> Iterator[Frame]:
        """The pictures not yet taken that were made before `end_us`."""
        while True:
            frame = self._next if self._next is not None else next(self._frames, None)
            self._next = None
            if frame is None:
                return
            if frame.t_us >= end_us:
                self._next = frame
                return
            yield frame

    def _usable(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        kept_us = -_NEVER_US
        for frame in self._in_order(self._until_broken(frames)):
            if frame.t_us - kept_us >= self._shortest_us:
                kept_us = frame.t_us
                yield frame
            else:
                self.thinned += 1

    def _in_order(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Each picture once the next one is known: one stamp that is far ahead must not set all later ones aside."""
        past_us, last = -_NEVER_US, next(frames, None)
        for frame in frames:
            assert last is not None
            if frame.t_us > last.t_us:
                yield last
                past_us, last = last.t_us, frame
            elif past_us < frame.t_us < last.t_us:
                self._leave_out(last, f"the next one is at {frame.t_us} us")
                last = frame
            else:
                self._leave_out(frame, f"after {last.t_us} us")
        if last is not None:
            yield last

    def _leave_out(self, frame: Frame, why: str) -> None:
        self.left_out.append((frame.where, "time_goes_back", f"at {frame.t_us} us, {why}"))

    def _until_broken(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        try:
            yield from frames
        except UnusableInput as error:
            self.left_out.append((self._camera, "pictures_end_early", str(error)))


@dataclass
class Pictures:
    """What became of a clip's pictures: table rows, how many were read, (where, reason, detail) of unusable ones."""

    rows: list[dict] = field(default_factory=list)
    read: int = 0
    unusable: list[tuple[str, str, str]] = field(default_factory=list)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)  # camera -> stored width and height


def frame_rows(
    clip_id: str, start_us: int, frames: dict[str, Iterator[Frame]], quality: int, max_width: int
) -> Pictures:
    """Encode a clip's pictures. Pictures from before the first ego pose have no place in any clip: unusable."""
    result = Pictures()
    for camera, stream in frames.items():
        for frame in stream:
            result.read += 1
            if frame.t_us < start_us:
                result.unusable.append((frame.where, "before_first_pose", f"at {frame.t_us} us, poses from {start_us}"))
                continue
            try:
                image, width, height = as_jpeg(frame.load(), quality, max_width)
            except ValueError as error:
                result.unusable.append((frame.where, "picture_unusable", str(error)))
                continue
            result.sizes.setdefault(camera, (width, height))
            row = {"clip_id": clip_id, "camera": camera, "t_us": frame.t_us, "image": image}
            result.rows.append({**row, "width": width, "height": height})
    return result
