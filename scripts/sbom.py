"""Write what an image holds, as CycloneDX 1.5 JSON on stdout: its Python packages and its system's.

Run inside the image while it is built, with the image's own Python.
"""

import json
import subprocess
import sys
from importlib.metadata import distributions

_SYSTEM = ["dpkg-query", "--show", "--showformat", "${Package} ${Version}\\n"]


def main() -> None:
    """Print the bill of materials."""
    parts = {("pypi", d.metadata["Name"].lower(), d.version) for d in distributions() if d.metadata["Name"]}
    parts |= {("deb/debian", *line.split(" ", 1)) for line in system_packages()}
    components = [
        {"type": "library", "name": name, "version": version, "purl": f"pkg:{kind}/{name}@{version}"}
        for kind, name, version in sorted(parts)
    ]
    json.dump({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components}, sys.stdout)


def system_packages() -> list[str]:
    """"name version" of each package of the system; none where it has no dpkg."""
    try:
        found = subprocess.run(_SYSTEM, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return found.stdout.splitlines()


if __name__ == "__main__":
    main()
