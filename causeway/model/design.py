"""Which parts a policy is put together from, by name: what tells one family's policies from another's.

Knows names only; no torch, so that recipes and the command line can read a design for nothing. What the names mean is
in `heads.py`, `conditioning.py`, `vision.py` and `backbone.py`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Design:
    """One way to build a policy; the defaults are Alpamayo-R1's."""

    recipe: str = "alpamayo"  # the recipe that trains it; a policy of another one is refused by this name
    head: str = "flow"  # what turns what was read into controls
    conditioning: str = "kv-cache"  # what the head reads of it
    speaks: bool = True  # whether it reasons in words before it acts
    action_tokens: bool = True  # whether the backbone learns the discrete action tokens as well
