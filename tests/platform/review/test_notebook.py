import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from causeway.platform.review.notebook import append, new_file
from tests.platform.review.conftest import lines


def write_some(folder: str, who: str, count: int) -> None:
    file = new_file(Path(folder), who)
    for number in range(count):
        append(file, {"who": who, "number": number, "text": "é\u2028\n" * 50})


def test_many_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    people = ["Ann", "Ann", "bob", "../../etc/passwd", "é" * 40]
    processes = [context.Process(target=write_some, args=(str(tmp_path), who, 30)) for who in people]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(list(tmp_path.iterdir())) == len(people)  # the same name twice is two sessions, two files
    rows = lines(tmp_path)
    assert sorted(row["number"] for row in rows) == sorted(list(range(30)) * 5)
    assert {row["text"] for row in rows} == {"é\u2028\n" * 50}


def test_a_line_that_does_not_fit_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = new_file(tmp_path, "ann")
    append(file, {"number": 1})
    write, calls = os.write, []

    def half(handle: int, data: bytes) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return write(handle, data[:4])

    with monkeypatch.context() as broken:
        broken.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space"):
            append(file, {"number": 2})
    append(file, {"number": 3})
    assert [row["number"] for row in lines(tmp_path)] == [1, 3]


def test_a_folder_that_cannot_be_synced_takes_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, sync = new_file(tmp_path, "ann"), os.fsync

    def fails(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(5, "Input/output error")
        sync(handle)

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fails)
        with pytest.raises(OSError, match="Input/output"):
            append(file, {"number": 1})
    assert lines(tmp_path) == []
    append(file, {"number": 2})
    assert [row["number"] for row in lines(tmp_path)] == [2]


def test_a_name_never_leaves_the_folder(tmp_path: Path) -> None:
    for who in ("../x", "a/b", "CON", "", "x" * 500, "\ud800"):
        assert new_file(tmp_path, who).parent == tmp_path
        assert len(new_file(tmp_path, who).name) < 60
