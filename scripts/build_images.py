"""Build the images: `build_images.py [TARGET…] [--builder CMD] [--base IMAGE] [--torch-base IMAGE] [--registry PREFIX]`

A tag is the first twelve digits of a hash over everything that the build reads: the Dockerfile, the files it may copy
and the names of its base images. The builder is what this machine has (docker, podman, buildah), or a command
`CMD FOLDER TAG --target T [--build-arg K=V]…` that builds and loads in one.
Writes `out/images.env` (CAUSEWAY_IMAGE_… for `causeway compile` and `submit`), `out/images.json` (with sizes) and
`out/images-values.yaml` (names and tags for `helm install -f`).
Needs nothing but Python.
"""

import argparse
import hashlib
import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ("data", "train", "sim", "serve", "pipelines")
BUILDERS = ("docker", "podman", "buildah")
_SCRIPTS = ("scripts/role_lock.py", "scripts/sbom.py")
_CONTEXT = ("Dockerfile", ".dockerignore", "pyproject.toml", "requirements.lock", *_SCRIPTS)
_FOLDERS = ("causeway", "components", "feature_repo", "pipelines")


def main() -> None:
    """Build what is asked for and write down what was built."""
    asked = arguments()
    bases = {"BASE": asked.base, "TORCH_BASE": asked.torch_base}
    bases = {name: value for name, value in bases.items() if value}
    tag = content_tag(ROOT, bases)
    built = {}
    for target in asked.targets or TARGETS:
        name = f"{asked.registry}{'/' if asked.registry else ''}causeway/{target}:{tag}"
        started = time.monotonic()
        subprocess.run(command(asked.builder, target, name, bases), check=True, cwd=ROOT)
        built[target] = {"image": name, "took_s": round(time.monotonic() - started), **size(asked.builder, name)}
        print(f"{target}: {name} {built[target]}", file=sys.stderr)
    write(ROOT / "out", built)


def arguments() -> argparse.Namespace:
    """What was asked for; leaves with 2 where there is no builder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--builder", default=next((name for name in BUILDERS if usable(name)), ""))
    parser.add_argument("--base", default="", help="an image of Python 3.11")
    parser.add_argument("--torch-base", default="", help="an image of Python 3.11 with torch 2.13")
    parser.add_argument("--registry", default="", help="what stands before causeway/TARGET")
    asked = parser.parse_args()
    if not asked.builder:
        parser.error(f"no builder: install one of {', '.join(BUILDERS)}, or name a command with --builder")
    return asked


def usable(builder: str) -> bool:
    """Whether the builder is here and works: a docker whose daemon does not answer builds nothing."""
    if shutil.which(builder) is None:
        return False
    return subprocess.run([builder, "info"], capture_output=True, check=False).returncode == 0


def content_tag(root: Path, bases: dict[str, str]) -> str:
    """Twelve digits over the names and bytes of all that a build reads, and over the base images' names."""
    whole = hashlib.sha256(json.dumps(bases, sort_keys=True).encode())
    for path in sorted(context_files(root)):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(root).as_posix()}={digest};".encode())
    return whole.hexdigest()[:12]


def context_files(root: Path) -> list[Path]:
    """The files that the Dockerfile may copy."""
    found = [root / name for name in _CONTEXT]
    for folder in _FOLDERS:
        found += [p for p in (root / folder).rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    return found


def command(builder: str, target: str, name: str, bases: dict[str, str]) -> list[str]:
    """The builder's command line."""
    words = [word for key, value in bases.items() for word in ("--build-arg", f"{key}={value}")]
    if builder in BUILDERS:
        return [builder, "build", "--target", target, "--tag", name, *words, "."]
    return [*shlex.split(builder), str(ROOT), name, "--target", target, *words]


def size(builder: str, name: str) -> dict[str, int]:
    """{"bytes": unpacked size} as the builder tells it; {} where it does not."""
    if builder not in BUILDERS:
        return {}
    kind = ["--type", "image"] if builder == "buildah" else []
    asked = [builder, "inspect", *kind, "--format", "{{.Size}}", name]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return {"bytes": int(told)} if told.isdigit() else {}


def write(out: Path, built: dict[str, dict]) -> None:
    """Leave the names for whoever compiles pipelines or installs the chart."""
    out.mkdir(exist_ok=True)
    lines = [f"CAUSEWAY_IMAGE_{target.upper()}={one['image']}\n" for target, one in built.items()]
    (out / "images.env").write_text("".join(lines))
    split = {target: one["image"].rpartition(":") for target, one in built.items()}
    values = {"images": {target: {"name": name, "tag": tag} for target, (name, _, tag) in split.items()}}
    (out / "images-values.yaml").write_text(json.dumps(values, indent=1) + "\n")  # JSON is YAML
    (out / "images.json").write_text(json.dumps(built, indent=1) + "\n")


if __name__ == "__main__":
    main()
