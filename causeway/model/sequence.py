"""The order of a sequence: pictures, ego history, [route], then reasoning or a question, then action tokens.

Knows ids, positions, padding and which columns are supervised; `Batch` is what a policy computes on. Does not
know weights. Rows are padded on the left, so that every row's actions begin in the same column. Cameras are
sorted by name: the order in which they were handed over changes nothing.
Source: arXiv 2511.00088, section on the sequence (equation 1); rotary positions as Qwen3-VL's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causeway.errors import UnusableInput, UsageError
from causeway.model.beside import Beside
from causeway.model.observation import HISTORY_POSES, Observation, check_observation, frame_age_s
from causeway.model.scales import Scale
from causeway.model.tokenizer import Vocabulary
from causeway.model.vision import VisionTokenizer
from causeway.model.vision_pictures import Views, resized

MAX_ROUTE_POINTS = 32


@dataclass(frozen=True)
class Tail:
    """What follows an observation in its row: ids, and which of them are to be predicted."""

    ids: tuple[int, ...]
    reasoning: tuple[int, int] = (0, 0)  # half-open range of `ids` supervised as reasoning (end token included)
    answers: tuple[tuple[int, int], ...] = ()  # likewise as answers
    branches: tuple[int, ...] = ()  # where `ids` begins anew: what follows sees the observation, and nothing between


@dataclass(frozen=True)
class Sight:
    """How a policy looks: through which tokenizer, and which cameras it knows."""

    tokenizer: VisionTokenizer
    cameras: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Batch:
    """B rows as tensors. Columns 0 … L-1 are the prefix; the 128 action tokens, when there are any, follow it."""

    pictures: Tensor  # [I, 3, H, W] floats in -1 … 1, row by row, cameras by name, oldest first
    picture_facts: Tensor  # [I, 17] what is known of a picture beside its pixels: 16 rig numbers, its age in seconds
    views: Views  # (cameras, frames of each) of every row
    ego_history: Tensor  # [B, 16, 3]
    speed_mps: Tensor  # [B]
    route: Tensor  # [points of all rows, 2]
    input_ids: Tensor  # [B, L]
    kept: Tensor  # [B, L] bool, False = padding
    branches: Tensor  # [B, L] 0 = the observation; columns of other numbers see it and their own number's
    positions: Tensor  # [3, B, L]
    reasoning_labels: Tensor  # [B, L] bool: this column's token is to be predicted from the columns before it
    answer_labels: Tensor  # [B, L] bool
    names: tuple[str, ...]  # sample ids, or places in the batch
    missing_cameras: tuple[tuple[str, ...], ...]  # of each row: known cameras that it was not given
    action_tokens: Tensor | None = None  # [B, 128] as `action_tokens.encode` gives them
    controls: Tensor | None = None  # [B, 64, 2]
    beside: Beside | None = None  # what the action head is told beside the sequence

    def __len__(self) -> int:
        return len(self.input_ids)

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on a device."""
        moved: dict[str, Any] = {k: v.to(device) for k, v in vars(self).items() if isinstance(v, Tensor | Beside)}
        return replace(self, **moved)


@dataclass
class _Row:
    """Ids and positions of one row while it grows."""

    ids: list[int] = field(default_factory=list)
    positions: list[NDArray[np.int64]] = field(default_factory=list)
    branches: list[int] = field(default_factory=list)
    next_position: int = 0
    branch: int = 0

    def text(self, ids: Sequence[int]) -> None:
        """Append ids that follow each other in time."""
        steps = np.arange(self.next_position, self.next_position + len(ids))
        self.ids.extend(ids)
        self.branches.extend([self.branch] * len(ids))
        self.positions.append(np.tile(steps, (3, 1)))
        self.next_position += len(ids)

    def grid(self, token: int, rows: int, columns: int) -> None:
        """Append a picture's tokens: one moment in time, rows and columns as height and width."""
        row, column = np.divmod(np.arange(rows * columns), columns)
        place = np.stack([np.zeros_like(row), row, column]) + self.next_position
        self.ids.extend([token] * (rows * columns))
        self.branches.extend([self.branch] * (rows * columns))
        self.positions.append(place)
        self.next_position += max(rows, columns)

    def tail(self, tail: Tail) -> None:
        """Append what follows the observation, each branch as if no other stood before it."""
        behind = self.next_position
        for start, stop in pairwise((0, *tail.branches, len(tail.ids))):
            self.next_position, self.branch = behind, self.branch + 1
            self.text(tail.ids[start:stop])


def reasoning_tail(vocabulary: Vocabulary, ids: Sequence[int], ended: bool = True) -> Tail:
    """The CoC trace, its end and the start of the trajectory; all of the trace and its end are supervised.

    ended False = a trace that a length bound cut: its end token stands there but was not chosen.
    """
    special = vocabulary.special
    tail = (special["coc_start"], *ids, special["coc_end"], special["trajectory_start"])
    return Tail(tail, reasoning=(1, 1 + len(ids) + ended))


def plain_tail(vocabulary: Vocabulary) -> Tail:
    """No reasoning: the trajectory follows the observation."""
    return Tail((vocabulary.special["trajectory_start"],))


def open_tail(vocabulary: Vocabulary) -> Tail:
    """Where reasoning is about to be generated."""
    return Tail((vocabulary.special["coc_start"],))


def question_tail(vocabulary: Vocabulary, question: str, answer: str) -> Tail:
    """A question and its answer with its end."""
    special = vocabulary.special
    asked = [special["question_start"], *vocabulary.text_ids(question, "question"), special["question_end"]]
    answered = [*vocabulary.text_ids(answer, "answer"), special["answer_end"]]
    start = len(asked) + 1
    ids = (*asked, special["answer_start"], *answered)
    return Tail(ids, answers=((start, start + len(answered)),))


def branched(tails: Sequence[Tail]) -> Tail:
    """Several tails behind one observation, each of which sees it as if it were alone; reasoning stays unsupervised."""
    ids, answers, branches = list[int](), list[tuple[int, int]](), list[int]()
    for tail in tails:
        if ids:
            branches.append(len(ids))
        answers += [(len(ids) + start, len(ids) + stop) for start, stop in tail.answers]
        ids += tail.ids
    return Tail(tuple(ids), answers=tuple(answers), branches=tuple(branches))


def build_batch(
    scale: Scale,
    sight: Sight,
    vocabulary: Vocabulary,
    observations: Sequence[Observation],
    tails: Sequence[Tail],
    names: Sequence[str],
) -> Batch:
    """A batch of the observations, each with its tail. UnusableInput names the row that cannot be used.

    A camera that a row was not given has no columns there, and the batch names it; one that the policy does not know
    is refused.
    """
    if not observations:
        raise UsageError("no samples: give at least one")
    missing = [_missing(sight, *pair) for pair in zip(observations, names, strict=True)]
    rows = [_row(scale, sight, vocabulary, *pair) for pair in zip(observations, tails, strict=True)]
    length = max(len(row.ids) for row in rows)
    ids = np.full((len(rows), length), vocabulary.special["pad"], dtype=np.int64)
    kept = np.zeros((len(rows), length), dtype=bool)
    branches = np.zeros((len(rows), length), dtype=np.int64)
    positions = np.zeros((3, len(rows), length), dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, length - len(row.ids) :] = row.ids
        kept[i, length - len(row.ids) :] = True
        branches[i, length - len(row.ids) :] = row.branches
        positions[:, i, length - len(row.ids) :] = np.concatenate(row.positions, axis=1)
    pictures, facts = _pictures(scale, observations)
    return Batch(
        pictures=pictures,
        picture_facts=facts,
        views=tuple(o.images.shape[:2] for o in observations),
        ego_history=torch.from_numpy(np.stack([np.float32(o.ego_history) for o in observations])),
        speed_mps=torch.tensor([o.speed_mps for o in observations], dtype=torch.float32),
        route=torch.from_numpy(np.concatenate([_route(o) for o in observations])),
        input_ids=torch.from_numpy(ids),
        kept=torch.from_numpy(kept),
        branches=torch.from_numpy(branches),
        positions=torch.from_numpy(positions),
        reasoning_labels=_labels(length, tails, [(t.reasoning,) for t in tails]),
        answer_labels=_labels(length, tails, [t.answers for t in tails]),
        names=tuple(names),
        missing_cameras=tuple(missing),
    )


def with_actions(batch: Batch, tokens: Tensor, controls: Tensor | None) -> Batch:
    """The batch with action tokens [B, 128] behind its prefix."""
    return replace(batch, action_tokens=tokens, controls=controls)


def _missing(sight: Sight, observation: Observation, name: str) -> tuple[str, ...]:
    """The known cameras that an observation lacks; UnusableInput when it cannot be used, or has an unknown one."""
    check_observation(observation, f"sample {name}")
    unknown = sorted(set(observation.cameras) - set(sight.cameras))
    if unknown:
        raise UnusableInput(
            f"sample {name}: camera {unknown[0]!r} is not one this policy was trained with "
            f"({', '.join(sight.cameras)}); name the cameras as its samples did, or leave it out"
        )
    return tuple(camera for camera in sight.cameras if camera not in observation.cameras)


def _row(scale: Scale, sight: Sight, vocabulary: Vocabulary, observation: Observation, tail: Tail) -> _Row:
    special, row = vocabulary.special, _Row()
    for block in sight.tokenizer.blocks(scale, *observation.images.shape[:2]):
        row.text([special["image_start"]])
        for grid in block:
            row.grid(special["image_pad"], *grid)
        row.text([special["image_end"]])
    row.text([special["history_start"], *[special["history_pad"]] * HISTORY_POSES, special["history_end"]])
    points = len(_route(observation))
    if points:
        row.text([special["route_start"], *[special["route_pad"]] * points, special["route_end"]])
    row.tail(tail)
    return row


def _route(observation: Observation) -> NDArray[np.float32]:
    """The route's points, thinned evenly to what a sequence holds."""
    if observation.route is None or len(observation.route) == 0:
        return np.zeros((0, 2), dtype=np.float32)
    count = min(len(observation.route), MAX_ROUTE_POINTS)
    places = np.linspace(0, len(observation.route) - 1, count).round().astype(int)
    return np.asarray(observation.route, dtype=np.float32)[places]


def _pictures(scale: Scale, observations: Sequence[Observation]) -> tuple[Tensor, Tensor]:
    """All pictures of all rows at the scale's size, and what is known of each."""
    pictures, facts = [], []
    for observation in observations:
        order = np.argsort(np.array(observation.cameras))
        images = observation.images[order]
        frames = images.shape[1]
        flat = torch.from_numpy(np.ascontiguousarray(images.reshape(-1, *images.shape[2:])))
        pictures.append(resized(flat.permute(0, 3, 1, 2), scale))
        rig = np.repeat(np.asarray(observation.rig, dtype=np.float32)[order], frames, axis=0)
        age = frame_age_s(observation)[order].reshape(-1, 1)
        facts.append(torch.from_numpy(np.concatenate([rig, age], axis=1)))
    return torch.cat(pictures), torch.cat(facts)


def _labels(length: int, tails: Sequence[Tail], spans: Sequence[Sequence[tuple[int, int]]]) -> Tensor:
    """[B, L] True where a row's tail has its spans; tails end in the last column."""
    labels = torch.zeros(len(tails), length, dtype=torch.bool)
    for i, (tail, own) in enumerate(zip(tails, spans, strict=True)):
        offset = length - len(tail.ids)
        for start, end in own:
            labels[i, offset + start : offset + end] = True
    return labels
