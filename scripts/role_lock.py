"""Write one image's part of the lock: what its extras need, at the lock's versions and with its hashes.

Used while images are built: `role_lock.py OUT FILE… [--extra E] [--without P…] [--only P…] [--after LOCK…]`. Knows how
a lock is laid out: a package begins a line, its hashes are indented below. `--after` leaves out what an image below has
already, so that a layer that several images share stays the same for all of them.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

LOCK = "requirements.lock"


def main() -> None:
    """Compile, cut down and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--extra", action="append", default=[])
    parser.add_argument("--without", nargs="*", default=[])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--after", nargs="*", default=[])
    asked = parser.parse_args()
    leave = set(asked.without) | {name for lock in asked.after for name in packages(Path(lock).read_text())}
    found = packages(compiled(asked.files, asked.extra))
    kept = {name: text for name, text in found.items() if name not in leave and (not asked.only or name in asked.only)}
    Path(asked.out).write_text("".join(kept.values()))
    print(f"{asked.out}: {len(kept)} of {len(found)} packages", file=sys.stderr)


def compiled(files: list[str], extras: list[str]) -> str:
    """The lock of `files`, resolved to the versions of the whole project's lock."""
    words = ["uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--generate-hashes"]
    words.append("--no-emit-index-url")
    words += ["--constraint", LOCK, *(word for extra in extras for word in ("--extra", extra)), *files]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env=dict(os.environ)).stdout


def packages(lock: str) -> dict[str, str]:
    """{package: its lines} of a lock."""
    found: dict[str, str] = {}
    name = ""
    for line in lock.splitlines(keepends=True):
        if match := re.match(r"([a-z0-9][a-z0-9._-]*)", line):
            name = match.group(1)
            found[name] = ""
        if name and line.strip() and not line.startswith("#"):
            found[name] += line
    return found


if __name__ == "__main__":
    main()
