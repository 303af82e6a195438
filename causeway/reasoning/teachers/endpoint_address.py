"""Who is asked and where: `MODEL@URL`, and the environment variable that holds the key.

Knows how teachers and critics are written in settings. Does not send anything. A key is read here and nowhere
stored: it is in no setting, manifest, log, record or error.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from urllib.parse import urlsplit

from causeway.errors import UsageError

TEACHER_KEY, CRITIC_KEY = "CAUSEWAY_TEACHER_KEY", "CAUSEWAY_CRITIC_KEY"
_KEY = re.compile(r"[!-~]*")  # what a header may hold
_WRITTEN = re.compile(r"(?:(?P<model>[^@\s]+)@)?(?P<url>https?://\S+)")


@dataclass(frozen=True)
class Address:
    """One model at one OpenAI-compatible endpoint; `url` ends before `/chat/completions`."""

    model: str
    url: str

    @property
    def name(self) -> str:
        """As it stands in labels and messages."""
        return f"{self.model}@{self.url}"

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.url).netloc.lower()


def family(model: str) -> str:
    """A model's name without its vendor: the same model at two places is one model."""
    return model.rpartition("/")[2].lower()


def is_address(text: str) -> bool:
    """Whether a teacher is written as an endpoint rather than as a name."""
    return "://" in text


def address(text: str, model: str = "") -> Address:
    """`MODEL@URL`, or a URL with `model` beside it. UsageError for a missing model, a key in the URL, or no URL at
    all."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{_shown(text)}: not an endpoint; write MODEL@http://host:port/v1")
    parts, named = urlsplit(found["url"]), found["model"] or model
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(f"{_shown(text)}: a URL with a key or a query; keys go into {TEACHER_KEY}")
    try:
        known = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known:
        raise UsageError(f"{_shown(text)}: no host and port; write MODEL@http://host:port/v1")
    if not named:
        raise UsageError(f"{_shown(text)}: which model? write MODEL@{found['url']}, or name it with --model")
    return Address(named, found["url"].rstrip("/").removesuffix("/chat/completions"))


def _shown(text: str) -> str:
    """A setting as a message may show it: nothing that may be a key."""
    return re.sub(r"//[^/@]*@|[?#].*", lambda m: "//…@" if m[0].startswith("//") else m[0][0] + "…", text[:200])


def refuse_own_critic(teachers: Sequence[Address], critic: Address) -> None:
    """UsageError when the critic's model is one of the teachers': who made a label cannot say that it is right."""
    for teacher in teachers:
        if family(teacher.model) == family(critic.model):
            text = f"{critic.name}: a teacher may not be its own critic ({teacher.name}); name another model"
            raise UsageError(text)


def host_variable(host: str) -> str:
    """The variable that holds the key of one host: `CAUSEWAY_KEY_API_EXAMPLE_COM`."""
    return "CAUSEWAY_KEY_" + re.sub(r"[^A-Z0-9]", "_", host.upper())


def refuse_alike(everyone: Sequence[Address], environ: Mapping[str, str] = os.environ) -> None:
    """UsageError when two hosts, such as `a-b.com` and `a.b.com`, would be sent the key of one variable."""
    hosts = sorted({one.host for one in everyone})
    for one, other in combinations(hosts, 2):
        variable = host_variable(one)
        if variable == host_variable(other) and environ.get(variable):
            raise UsageError(f"{variable} would go to {one} and to {other}; ask one of them at a time")


def key_of(one: Address, everyone: Sequence[Address], variable: str, environ: Mapping[str, str] = os.environ) -> str:
    """The key for one endpoint, "" where none is set: the host's own variable, else `variable`.

    UsageError when `variable` would be sent to more than one host: a key of one company is no business of another.
    So it is for a key that holds what no key holds.
    """
    own = _key(environ, host_variable(one.host))
    if own:
        return own
    shared = _key(environ, variable)
    hosts = {other.host for other in everyone if not environ.get(host_variable(other.host))}
    if shared and len(hosts) > 1:
        names = ", ".join(host_variable(host) for host in sorted(hosts))
        raise UsageError(f"{variable} would go to {len(hosts)} hosts; set {names} instead")
    return shared


def _key(environ: Mapping[str, str], variable: str) -> str:
    key = environ.get(variable, "").strip()
    if _KEY.fullmatch(key) is None:  # a library would name it in its error
        raise UsageError(f"{variable}: holds spaces, line breaks or letters that no key has; set it anew")
    return key
