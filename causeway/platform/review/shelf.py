"""Windows of moments, ready before they are asked for.

Knows how many are kept and that one thread at a time reads tables. Does not know what is in a window.
"""

from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import RLock

from causeway.errors import CausewayError
from causeway.platform.review.desk import Task
from causeway.platform.review.window import Source, Window, load_window

_KEPT = 12  # windows with their pictures; several reviewers, each with what is before them and what comes next


class Shelf:
    """Loads windows when they are asked for or soon will be; may be called from any thread."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._windows: OrderedDict[str, Window] = OrderedDict()
        self._lock = RLock()  # readers of tables are not made for several threads at once
        self._ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="windows")

    def window(self, task: Task) -> Window:
        """The window of a task; UnusableInput when it cannot be shown."""
        with self._lock:
            if task.key not in self._windows:
                self._windows[task.key] = load_window(self._source, task.clip_id, task.t0_us)
                while len(self._windows) > _KEPT:
                    self._windows.popitem(last=False)
            self._windows.move_to_end(task.key)
            return self._windows[task.key]

    def image(self, task: Task, camera: str, t_us: int) -> bytes:
        """A stored picture, b"" when there is none."""
        window = self.window(task)
        with self._lock:
            return window.frames.image(camera, t_us)

    def prepare(self, tasks: Sequence[Task]) -> None:
        """Have the windows of these tasks loaded soon, with their pictures and what comes after t0."""
        for task in tasks:
            self._ahead.submit(self._load, task)

    def _load(self, task: Task) -> None:
        with suppress(CausewayError):  # whoever opens it is told
            window = self.window(task)
            with self._lock:
                window.rest()
                for camera, times in list(window.frames.times.items())[:1]:
                    window.frames.image(camera, times[0])
