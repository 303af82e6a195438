"""Who is asking: one token for everybody who may review, a name, and a cookie that stands for both.

Knows tokens and sessions, in memory only: a restart makes new ones. Does not know HTTP or what reviewers do.
"""

import hmac
import secrets
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from causeway.errors import UsageError
from causeway.platform.review.notebook import new_file

_MOST_SESSIONS = 500


@dataclass(eq=False)
class Session:
    """One browser of one person: where its events go, what it skipped and what it finished, in order."""

    who: str
    file: Path
    skipped: dict[str, None] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)


class Door:
    """Gives sessions for the token, and knows them again by their cookie."""

    def __init__(self, folder: Path) -> None:
        self.token = secrets.token_urlsafe(24)
        self._folder = folder
        self._sessions: dict[str, Session] = {}

    def enter(self, token: str, who: str) -> str | None:
        """The secret of a new session; None for a wrong token. UsageError for a name that is none."""
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode()):
            return None
        name = usable_name(who)
        secret = secrets.token_urlsafe(32)
        while len(self._sessions) >= _MOST_SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))
        self._sessions[_digest(secret)] = Session(name, new_file(self._folder, name))
        return secret

    def session(self, secret: str | None) -> Session | None:
        """The session that a cookie stands for."""
        return self._sessions.get(_digest(secret)) if secret else None

    def leave(self, secret: str | None) -> None:
        """End a session."""
        if secret:
            self._sessions.pop(_digest(secret), None)


def _digest(secret: str) -> str:
    """Looked up by digest, so that how long a look-up takes says nothing about the secret."""
    from hashlib import sha256

    return sha256(secret.encode("utf-8", "replace")).hexdigest()


def usable_name(who: str) -> str:
    """The name with single spaces; UsageError when it is empty, too long or not printable."""
    name = " ".join(unicodedata.normalize("NFC", who).split())
    if not 1 <= len(name) <= 40 or not name.isprintable():
        raise UsageError("a name has 1 to 40 printable characters")
    return name
