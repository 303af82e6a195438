"""How the programs of this room end: with the exit codes of the command line, and one line for an error of ours.

Knows exit codes. Does not know what a program does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from causeway.errors import EXIT_DONE, EXIT_INTERRUPTED, CausewayError


def exit_code_of(work: Callable[[], object]) -> int:
    """Do the work; the exit code it ends with. An error of ours is a line on stderr, any other passes through."""
    try:
        work()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except CausewayError as error:
        print(f"causeway: {error}", file=sys.stderr)
        return error.exit_code
    return EXIT_DONE
