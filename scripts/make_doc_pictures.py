"""The pictures of docs/look-at-data.md, made anew from the built-in world.

Run `.venv/bin/python scripts/make_doc_pictures.py`. Each gets as many colours as fit into 150 kB.
"""

import sys
import tempfile
from pathlib import Path

from PIL import Image

from causeway.platform.show import Wish, show
from causeway.platform.steps import run_named

MOST_BYTES = 150_000


def main() -> None:
    """Write docs/images/show-strip.png and show-moment.png."""
    folder = Path(__file__).resolve().parents[1] / "docs" / "images"
    with tempfile.TemporaryDirectory() as name:
        at = {kind: f"{name}/{kind}" for kind in ("drives", "clips", "meta", "moments", "pictures")}
        run_named("make_world", {}, {"scenes": 1, "seed": 1, "scenarios": ["curve"]}, out=at["drives"])
        run_named("ingest", {"drives": at["drives"]}, {}, out=at["clips"])
        run_named("extract_meta_actions", {"clips": at["clips"]}, {}, out=at["meta"])
        run_named("find_moments", {"meta": at["meta"], "clips": at["clips"]}, {}, out=at["moments"])
        show(at["clips"], Wish(out=at["pictures"], first=1))
        show(at["moments"], Wish(out=at["pictures"], clips=at["clips"], first=1))
        made = sorted(Path(at["pictures"]).iterdir())
        strip = next(f for f in made if f.stem.endswith("-strip"))
        moment = next(f for f in made if not f.stem.endswith(("-strip", "-above")))
        for source, target in ((strip, "show-strip.png"), (moment, "show-moment.png")):
            _shrink(source, folder / target)


def _shrink(source: Path, target: Path) -> None:
    """Write the picture with as many colours as fit."""
    page = Image.open(source).convert("RGB")
    for colours in (256, 192, 128, 96, 64, 48):
        method = Image.Quantize.MAXCOVERAGE if colours == 256 else Image.Quantize.MEDIANCUT
        page.quantize(colours, method=method, dither=Image.Dither.NONE).save(target, optimize=True)
        size = target.stat().st_size
        if size <= MOST_BYTES:
            print(f"{target}: {size} bytes, {colours} colours", file=sys.stderr)
            return
    sys.exit(f"{target}: larger than {MOST_BYTES} bytes")


if __name__ == "__main__":
    main()
