"""How a program ends."""

import pytest

from causeway.errors import Refused, TryAgain, UnusableInput, UsageError
from causeway.serving.program import exit_code_of


def raising(error: BaseException):
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("no"), 2), (Refused("no"), 3), (UnusableInput("no"), 4), (TryAgain("no"), 75)],
)
def test_an_error_of_ours_is_one_line_and_its_exit_code(error, code, capsys):
    assert exit_code_of(raising(error)) == code
    assert capsys.readouterr() == ("", "causeway: no\n")


def test_work_that_is_done_ends_with_0_and_ctrl_c_with_130_in_silence(capsys):
    done = []
    assert exit_code_of(lambda: done.append(1)) == 0
    assert done == [1]
    assert exit_code_of(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "")


def test_a_bug_passes_through():
    with pytest.raises(ZeroDivisionError):
        exit_code_of(raising(ZeroDivisionError()))
