"""Every suite by name, and which suites an artifact kind is held against.

Knows the order they are shown in. Bounds and their reasons are in the modules beside this one; how the columns of a
suite's table of facts are computed is in `facts`.
"""

from causeway.errors import UsageError
from causeway.quality.expectations import Suite
from causeway.quality.suites.behaviour import EVIDENCE, META_ACTIONS, MOMENTS, TRUTH
from causeway.quality.suites.cameras import CAMERAS, FRAMES, RIGS
from causeway.quality.suites.clips import CLIPS, CLIPS_LEFT, EGO
from causeway.quality.suites.layout import COLUMNS
from causeway.quality.suites.learning import LABELS, POLICY, REVIEW_QUEUE, SAMPLES
from causeway.quality.suites.results import GATE, QUALITY, RELEASE, REPORT, ROLLOUTS, VALUES
from causeway.quality.suites.surroundings import LANES, ROAD_ELEMENTS, ROUTE, SIGNALS, TRACKS

# `columns` is part of every kind and comes first: without its columns nothing else of a table can be looked at.
SUITES_OF_KIND: dict[str, tuple[Suite, ...]] = {
    "drives": (TRUTH,),
    "clips": (CLIPS, EGO, CAMERAS, RIGS, FRAMES, TRACKS, LANES, ROAD_ELEMENTS, SIGNALS, ROUTE, CLIPS_LEFT),
    "quality": (QUALITY,),
    "meta_actions": (META_ACTIONS,),
    "moments": (MOMENTS,),
    "evidence": (EVIDENCE,),
    "labels": (LABELS, REVIEW_QUEUE),
    "samples": (SAMPLES,),
    "policy": (POLICY,),
    "rollouts": (ROLLOUTS,),
    "report": (REPORT, VALUES, ROLLOUTS),
    "gate": (GATE,),
    "release": (RELEASE,),
}
SUITES: dict[str, Suite] = {s.name: s for suites in ((COLUMNS,), *SUITES_OF_KIND.values()) for s in suites}


def suite_named(name: str) -> Suite:
    """A suite by its name; UsageError names those that exist."""
    if name not in SUITES:
        raise UsageError(f"{name}: no such suite; suites are {', '.join(SUITES)}")
    return SUITES[name]


def suites_for(kind: str, name: str = "") -> tuple[Suite, ...]:
    """The suites of a kind, or the one of them that `name` chooses. UsageError for a name or kind without."""
    chosen = suite_named(name) if name else None
    known = (COLUMNS, *SUITES_OF_KIND.get(kind, ()))
    if chosen is None:
        return known
    if chosen not in known:
        names = ", ".join(suite.name for suite in known)
        raise UsageError(f"suite {name} is not for {kind} artifacts; theirs are {names}")
    return (COLUMNS, chosen) if chosen is not COLUMNS else (COLUMNS,)
