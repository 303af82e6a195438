"""Who may ask: a token for each vehicle, in a file or an environment variable.

Knows how tokens are written, kept (as digests) and compared (in constant time, with all of them). Does not know how a
request carries one beyond `Authorization: Bearer TOKEN`. Tokens are never logged, and no message repeats one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from causeway.errors import UnusableInput

VARIABLE = "CAUSEWAY_TOKENS"
SHORTEST = 16  # characters of a token
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
OPEN_PATHS = re.compile(r"/|/metrics|/v2|/v2/health/(live|ready)|/v2/models/[^/]+/ready")
OPEN_METHODS = ("ServerLive", "ServerReady", "ModelReady")


@dataclass(frozen=True)
class Tokens:
    """Digests of tokens by vehicle; the tokens themselves are forgotten."""

    digests: tuple[tuple[str, bytes], ...] = field(repr=False)

    def vehicle(self, authorization: str) -> str | None:
        """Whose token an Authorization header holds, None when nobody's. Takes equally long for all of them."""
        scheme, _, token = authorization.partition(" ")
        given = _digest(token.strip() if scheme.lower() == "bearer" else "")
        found = None
        for vehicle, digest in self.digests:
            if hmac.compare_digest(given, digest):
                found = vehicle
        return found


def read_tokens(path: str) -> Tokens | None:
    """Tokens from a file, or from CAUSEWAY_TOKENS when path is ""; None when there are none at all.

    Each line is `VEHICLE TOKEN` (in the variable also separated by commas); # begins a comment. UnusableInput names a
    bad line by its number, never by what it holds.
    """
    if path:
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UnusableInput(f"{path}: no readable file of tokens ({type(error).__name__})") from error
        return _parsed(path, text)
    given = os.environ.get(VARIABLE, "")
    return _parsed(VARIABLE, given.replace(",", "\n")) if given.strip() else None


def _parsed(where: str, text: str) -> Tokens:
    digests: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2 or not _NAME.fullmatch(words[0]) or words[0] in digests:
            raise UnusableInput(f"{where}: line {number} is not `VEHICLE TOKEN` with a vehicle of its own")
        if len(words[1]) < SHORTEST:
            raise UnusableInput(f"{where}: line {number} has a token of less than {SHORTEST} characters")
        digests[words[0]] = _digest(words[1])
    if not digests:
        raise UnusableInput(f"{where}: holds no token; write a line `VEHICLE TOKEN` for each vehicle")
    return Tokens(tuple(digests.items()))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
