"""The errors a user may meet and the exit code each one ends with.

Knows the exit codes of the command line (0 done, 1 a bug, 2 wrong usage, 3 a check refused, 4 input that cannot
be used, 130 interrupted). Does not know who raises them. A message is one line: what, where and what to do.
"""

EXIT_DONE = 0
EXIT_BUG = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_UNUSABLE_INPUT = 4
EXIT_INTERRUPTED = 130


class CausewayError(Exception):
    """An error with a message for a person; `exit_code` is what the command line ends with."""

    exit_code = EXIT_BUG


class UsageError(CausewayError):
    """The command or call was wrong: an unknown name, a bad option, a port in use."""

    exit_code = EXIT_USAGE


class Refused(CausewayError):
    """A check did its work and said no; the message names the check and its numbers."""

    exit_code = EXIT_REFUSED


class UnusableInput(CausewayError):
    """Input that cannot be used; the message names the file, row or byte, and why."""

    exit_code = EXIT_UNUSABLE_INPUT
