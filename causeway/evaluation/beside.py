"""What a policy reads beside pictures and motion, held against what it would be asked about, before it is asked.

Knows heads by rig and 3D points. Does not know suites. An answer that fails costs one sample and is counted; a policy
that cannot read its data at all would fail every time, so that is said at once instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from causeway.errors import UnusableInput

if TYPE_CHECKING:
    from causeway.training.sample_store import StoredSamples


def check_samples(policy: Any, chosen: StoredSamples) -> None:
    """UnusableInput for a sample whose rig the policy has no head for, or without points where it takes them."""
    if _of(policy, "rigs"):
        names = (f"sample {name}" for name in chosen.index.column("sample_id").to_pylist())
        check_rigs(policy, zip(names, chosen.each_rig(), strict=True))
    if _of(policy, "point_blocks"):
        without = [number for number, count in enumerate(chosen.each_points()) if not count]
        if without:
            some = f"{len(without)} of {len(chosen)} samples, as {chosen.row(without[0])['sample_id']}"
            check_points(policy, some, 0)


def check_rigs(policy: Any, rigs: Iterable[tuple[str, str]]) -> None:
    """A policy with a head by rig answers for no other's: UnusableInput names which of (what, rig) has whose."""
    known = _of(policy, "rigs")
    if not known:
        return
    from causeway.model.beside import place_of

    for what, rig_id in rigs:
        place_of(known, rig_id, what)


def check_points(policy: Any, what: str, count: int) -> None:
    """UnusableInput for a policy that takes 3D points where there are none."""
    if _of(policy, "point_blocks") and count < 1:
        said = "no 3D points, and this policy's action head takes them"
        raise UnusableInput(f"{what}: {said}; name samples that were built with --set points=1024")


def _of(policy: Any, name: str) -> tuple[Any, ...]:
    return tuple(getattr(getattr(policy, "config", None), name, ()))  # baselines have no config
