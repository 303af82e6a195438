"""The errors a user may meet and the exit code each one ends with.

Knows the exit codes of the command line (0 done, 1 a bug, 2 wrong usage, 3 a check refused, 4 input that cannot
be used, 75 stopped with its work saved, 130 interrupted). Does not know who raises them. A message is one line: what,
where and what to do.
"""

import re

EXIT_DONE = 0
EXIT_BUG = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_UNUSABLE_INPUT = 4
EXIT_TRY_AGAIN = 75  # stopped from outside with its work saved (EX_TEMPFAIL of sysexits.h)
EXIT_INTERRUPTED = 130


_LONGEST, _END = 700, 200


def one_line(text: str) -> str:
    """The text without line breaks, unprintable characters and places in memory; very long, without its middle.

    Messages quote what files hold, and files hold anything.
    """
    text = re.sub(r" at 0x[0-9a-f]+", "", text)  # places in memory, others in every run
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(text.split("\n")))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - _END]} … {line[-_END:]}"


class CausewayError(Exception):
    """An error with a message for a person; `exit_code` is what the command line ends with."""

    exit_code = EXIT_BUG

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class UsageError(CausewayError):
    """The command or call was wrong: an unknown name, a bad option, a port in use."""

    exit_code = EXIT_USAGE


class Refused(CausewayError):
    """A check did its work and said no; the message names the check and its numbers."""

    exit_code = EXIT_REFUSED


class UnusableInput(CausewayError):
    """Input that cannot be used; the message names the file, row or byte, and why."""

    exit_code = EXIT_UNUSABLE_INPUT


class TryAgain(CausewayError):
    """Stopped from outside (SIGTERM) with the work saved: the same command goes on; a job's policy retries this."""

    exit_code = EXIT_TRY_AGAIN
