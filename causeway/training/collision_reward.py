"""Rewards against recorded agents: does the predicted path touch one, how soon would it, does it pass too close?

Knows which contacts count. Recorded agents replay what they did and do not react, so two kinds are nobody's lesson: a
hit **from behind** (the agent's middle is behind the own rear bumper when they first touch, and the own vehicle is
not backing up; AlpaSim's scoring does not blame it either), and an agent that the **recorded** path itself touches
(its box is wrong, or nothing could be done at t0: `untouched` takes it out). Does not know where tracks come from;
without any the caller leaves these rewards out.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UnusableInput
from causeway.model.surroundings import Footprint
from causeway.training.footprints import Floats, along, circles_m, gap_m, overlaps, own_boxes, touch_s
from causeway.training.reward_inputs import finite, path, same_kind

HORIZON_S = 3.0  # a collision farther off in time is none yet (nuPlan's time-to-collision metric looks as far)
CLOSE_M = 0.5
BACKING_MPS = 0.1
TICK_S = 0.1

Bools = NDArray[np.bool_]


@same_kind
def collision(
    predicted: np.ndarray,
    agents: np.ndarray,
    sizes_m: np.ndarray,
    present: np.ndarray,
    footprint: Footprint | None = None,
) -> np.ndarray:
    """−1 when the own footprint touches any agent's at any tick (but from behind), else 0.

    Inputs: `predicted` […, n, 3] rear-axle poses; `agents` […, m, n, 3] centre poses in the same frame at the same
    ticks; `sizes_m` […, m, 2] length and width; `present` […, m, n] where an agent was recorded (elsewhere its pose
    is not read). Range: {−1, 0}. Unit: none. Source: r_traj's collision term of arXiv 2511.00088 sec. 5; hits from
    behind are left out as in AlpaSim's at-fault score (method 5.2).
    """
    ego, others, there, own = _inputs(predicted, agents, sizes_m, present, footprint)
    return np.where(_ours(ego, others, _hits(ego, others, there, own), own), -1.0, 0.0)


@same_kind
def time_to_collision(
    predicted: np.ndarray,
    agents: np.ndarray,
    sizes_m: np.ndarray,
    present: np.ndarray,
    footprint: Footprint | None = None,
) -> np.ndarray:
    """How soon the path comes to a contact if from a tick on all keep velocity and heading: T / 3 s − 1, T at most 3 s.

    T is the least over ticks and agents, 0 where they touch. Agents behind the own rear bumper, and those that drove
    into it, do not count while the own vehicle does not back up. Inputs: as `collision`. Range: [−1, 0], 0 = nothing
    within 3 s. Unit: none. Source: nuPlan's time-to-collision metric, graded.
    """
    ego, others, there, own = _inputs(predicted, agents, sizes_m, present, footprint)
    spared = _run_into(ego, others, _hits(ego, others, there, own), own)
    own_mps = _velocity(ego, np.ones(ego.shape[:-1], dtype=bool))
    relative = _velocity(others.poses, there) - own_mps[..., None, :, :]
    boxes = own_boxes(ego, own)
    apart = others.poses[..., :2] - boxes[..., None, :, :2]
    gap = np.hypot(apart[..., 0], apart[..., 1]) - circles_m(boxes)[..., None, :] - others.circles_m
    closing = -(apart * relative).sum(axis=-1)
    speed = np.hypot(relative[..., 0], relative[..., 1])
    asked = there & ~spared & ((gap <= 0) | ((closing > 0) & (gap < speed * HORIZON_S)))
    pairs = np.nonzero(asked)
    soonest = np.full(asked.shape, HORIZON_S)
    box, other = _at(boxes[..., None, :, :], asked, pairs), others.at(asked, pairs)
    seconds = touch_s(box, other, relative[pairs])
    blameless = _behind(box, other) & (_at(_forward_mps(ego)[..., None, :, None], asked, pairs)[:, 0] >= -BACKING_MPS)
    soonest[pairs] = np.where(blameless, HORIZON_S, np.minimum(seconds, HORIZON_S))
    return np.asarray(soonest.min(axis=(-2, -1), initial=HORIZON_S) / HORIZON_S - 1.0)


@same_kind
def clearance(
    predicted: np.ndarray,
    agents: np.ndarray,
    sizes_m: np.ndarray,
    present: np.ndarray,
    footprint: Footprint | None = None,
) -> np.ndarray:
    """How much of a margin of 0.5 m to every agent the path keeps: gap / 0.5 m − 1 at the nearest, gap at most 0.5 m.

    The gap is `footprints.gap_m`: between two corners up to √2 less than the distance. Who comes near from behind, or
    touches from there, does not count while the own vehicle does not back up. Inputs: as `collision`. Range: [−1, 0],
    −1 where `collision` is. Unit: none. Source: ours, after the close encounters of arXiv 2511.00088, table 9 (but for
    the rim at the corners that `close_encounter` has too): a path that passes a parked car too closely touches nobody.
    """
    ego, others, there, own = _inputs(predicted, agents, sizes_m, present, footprint)
    boxes, near = own_boxes(ego, own), _hits(ego, others, there, grown(own))
    hits = _overlapping(boxes, others, near)  # who came near from behind may touch us from elsewhere
    ours = _blamed(ego, others, near, own) | _blamed(ego, others, hits, own)
    pairs, left_m = np.nonzero(ours), np.full(ours.shape, CLOSE_M)
    gaps_m = gap_m(_at(boxes[..., None, :, :], ours, pairs), others.at(ours, pairs))
    left_m[pairs] = np.minimum(gaps_m, CLOSE_M)
    return np.asarray(left_m.min(axis=(-2, -1), initial=CLOSE_M) / CLOSE_M - 1.0)


def grown(own: Footprint, margin_m: float = CLOSE_M) -> Footprint:
    """The footprint with a margin on every side."""
    return replace(own, length_m=own.length_m + 2 * margin_m, width_m=own.width_m + 2 * margin_m)


def close_encounter(
    predicted: np.ndarray,
    expert: np.ndarray,
    agents: np.ndarray,
    sizes_m: np.ndarray,
    present: np.ndarray,
    footprint: Footprint | None = None,
    close_m: float = CLOSE_M,
) -> Bools:
    """Whether […] the path comes nearer than `close_m` to an agent to which the recorded path did not, or touches one.

    Nearer: the own footprint, larger by `close_m` on every side (at its corners by √2 of it), touches the agent's.
    Inputs: as `collision` with one set of agents for all paths, and `expert` […, n, 3], the recorded path. Hits from
    behind and agents that the recorded path touches do not count. Source: the "close encounter" of arXiv 2511.00088's
    tables, whose rule is not printed: this one is ours.
    """
    return contacts(predicted, expert, agents, sizes_m, present, footprint, close_m)[1]


def contacts(
    predicted: np.ndarray,
    expert: np.ndarray,
    agents: np.ndarray,
    sizes_m: np.ndarray,
    present: np.ndarray,
    footprint: Footprint | None = None,
    close_m: float = CLOSE_M,
) -> tuple[Bools, Bools]:
    """(`collision` with the agents that are `untouched`, `close_encounter`), each […], for little more than one."""
    ego, others, there, own = _inputs(predicted, agents, sizes_m, present, footprint)
    both = np.stack(np.broadcast_arrays(path("expert", expert, 1), ego))
    near = _hits(both, others, there, grown(own, close_m))
    hits = _overlapping(own_boxes(both, own), others, near)  # what touches is near
    touched = _ours(ego, others, _not_of(hits[0], hits[1]), own)
    return touched, touched | _ours(ego, others, _not_of(near[0], near[1]), own)


def untouched(
    expert: np.ndarray,
    agents: np.ndarray,
    sizes_m: np.ndarray,
    present: np.ndarray,
    footprint: Footprint | None = None,
) -> Bools:
    """`present` […, m, n] without the agents that the recorded path […, n, 3] touches, from wherever."""
    ego, others, there, own = _inputs(expert, agents, sizes_m, present, footprint)
    return _not_of(_hits(ego, others, there, own), there)


@dataclass(frozen=True, eq=False)
class _Others:
    """Agents: centre poses […, m, n, 3] and sizes […, m, 1, 2]; boxes are made of the few that are asked about."""

    poses: Floats
    sizes: Floats

    @property
    def circles_m(self) -> Floats:
        """Half diagonals […, m, 1]."""
        return np.hypot(self.sizes[..., 0], self.sizes[..., 1]) / 2

    def at(self, like: Bools, pairs: tuple[np.ndarray, ...]) -> Floats:
        """Boxes [k, 5] of pairs; see `_at`."""
        return np.concatenate([_at(self.poses, like, pairs), _at(self.sizes, like, pairs)], axis=-1)


def _inputs(
    predicted: np.ndarray, agents: np.ndarray, sizes_m: np.ndarray, present: np.ndarray, footprint: Footprint | None
) -> tuple[Floats, _Others, Bools, Footprint]:
    """Checked: own poses […, n, 3], the agents, where they are […, m, n] (all leading dimensions)."""
    ego, there = path("predicted", predicted, 1), np.asarray(present, dtype=bool)
    poses = np.asarray(agents, dtype=np.float64)
    if poses.shape[-3:-1] != there.shape[-2:]:
        raise UnusableInput(f"agents {poses.shape} and present {there.shape} do not fit: one flag for each pose")
    others = path("agents", np.where(there[..., None], poses, 0.0), 1)
    sizes = finite("sizes_m", sizes_m, (0, 2))
    if others.shape[-2] != ego.shape[-2] or sizes.shape[-2] != others.shape[-3]:
        raise UnusableInput(f"agents {others.shape} and sizes_m {sizes.shape} do not fit predicted {ego.shape}")
    if (sizes < 0).any():
        raise UnusableInput("sizes_m holds a negative length or width")
    return ego, _Others(others, sizes[..., None, :]), there, footprint or Footprint()


def _at(values: Floats, like: Bools, pairs: tuple[np.ndarray, ...]) -> Floats:
    """Rows [k, …] of `values`, which spread over the shape of `like` and one more dimension."""
    return np.broadcast_to(values, (*like.shape, values.shape[-1]))[pairs]


def _near(boxes: Floats, others: _Others, there: Bools) -> Bools:
    """Which pairs […, m, n] have surrounding circles that meet: the cheap question first."""
    along_x = others.poses[..., 0] - boxes[..., None, :, 0]
    along_y = others.poses[..., 1] - boxes[..., None, :, 1]
    reach = circles_m(boxes)[..., None, :] + others.circles_m
    return there & (along_x**2 + along_y**2 <= reach**2)


def _hits(ego: Floats, others: _Others, there: Bools, own: Footprint) -> Bools:
    """Where […, m, n] the own footprint touches an agent's."""
    boxes = own_boxes(ego, own)
    return _overlapping(boxes, others, _near(boxes, others, there))


def _overlapping(boxes: Floats, others: _Others, asked: Bools) -> Bools:
    """Which of the pairs asked about […, m, n] touch; the others do not."""
    pairs = np.unravel_index(np.flatnonzero(asked), asked.shape)
    hits = np.zeros(asked.shape, dtype=bool)
    hits[pairs] = overlaps(_at(boxes[..., None, :, :], asked, pairs), others.at(asked, pairs))
    return hits


def _not_of(record: Bools, there: Bools) -> Bools:
    """`there` […, m, n] without the agents that the recorded path touches at any tick."""
    return np.asarray(there & ~record.any(axis=-1, keepdims=True))


def _ours(ego: Floats, others: _Others, hits: Bools, own: Footprint) -> Bools:
    """Whether […] any of the hits […, m, n] is not one from behind."""
    return np.asarray(_blamed(ego, others, hits, own).any(axis=(-2, -1)))


def _blamed(ego: Floats, others: _Others, hits: Bools, own: Footprint) -> Bools:
    """The hits […, m, n] but for those from behind."""
    return np.asarray(hits & ~_run_into(ego, others, hits, own))


def _run_into(ego: Floats, others: _Others, hits: Bools, own: Footprint) -> Bools:
    """Where […, m, n] an agent has driven into us from behind, from its first contact on: no lesson for us."""
    struck = np.nonzero(hits.any(axis=-1))
    first = (*struck, hits.argmax(axis=-1)[struck])
    box, other = own_boxes(_at(ego[..., None, :, :], hits, first), own), others.at(hits, first)
    forward_mps = _at(_forward_mps(ego)[..., None, :, None], hits, first)[:, 0]
    since = np.full(hits.shape[:-1], hits.shape[-1])
    since[struck] = np.where(_behind(box, other) & (forward_mps >= -BACKING_MPS), first[-1], hits.shape[-1])
    return np.arange(hits.shape[-1]) >= since[..., None]


def _behind(box: Floats, other: Floats) -> Bools:
    """Whether the middle of `other` [k, 5] is behind the rear bumper of `box`."""
    return along(other[..., :2] - box[..., :2], box[..., 2])[0] < -box[..., 3] / 2


def _forward_mps(ego: Floats) -> Floats:
    """Speed of the own vehicle along its heading at each tick […, n]."""
    return along(_velocity(ego, np.ones(ego.shape[:-1], dtype=bool)), ego[..., 2])[0]


def _velocity(poses: Floats, there: Bools) -> Floats:
    """Velocity […, n, 2] from a pose to the next, of the last one from the one before; 0 where neither is there."""
    if poses.shape[-2] < 2:
        return np.zeros((*poses.shape[:-1], 2))
    both = (there[..., 1:] & there[..., :-1])[..., None]
    step = np.diff(poses[..., :2], axis=-2) / TICK_S * both
    known = np.concatenate([both, both[..., -1:, :]], axis=-2)
    onward = np.concatenate([step, step[..., -1:, :]], axis=-2)
    before = np.concatenate([step[..., :1, :], step], axis=-2)
    return np.where(known, onward, before)
