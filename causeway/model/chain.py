"""ManipLLM's head: say what is there, then where one can drive, then the path, each behind the one before.

Knows the links of the chain, their words, how they are asked and what they are held to. Does not know which weights
learn (`adaptation.py` for those that do while it drives). All three are tokens of one sequence: an object of the closed
set, one yes or no for each cell of a grid ahead, 128 action tokens. Source: arXiv 2312.16217, sec. 3.2 and 3.3 (object
category, affordance by the probability of "True" at points, pose in bins, as a chain).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from causeway.errors import UnusableInput, UsageError
from causeway.model import action_tokens, decoding
from causeway.model.expert import Guidance
from causeway.model.observation import Observation, Sample
from causeway.model.sequence import Tail
from causeway.model.surroundings import Surroundings
from causeway.reasoning import TraceError, parse
from causeway.reasoning.names import COMPONENT_KINDS

if TYPE_CHECKING:
    from causeway.model.attention import Prefix
    from causeway.model.decoding import Decoder
    from causeway.model.policy import Policy
    from causeway.model.tokenizer import Vocabulary

# metres ahead and to the left, near to far; of each distance from left to right
CELLS = np.array([(x, y) for x in (8.0, 16.0, 28.0) for y in (5.0, 0.0, -5.0)])
OBJECTS = ("nothing", *sorted({kind for kinds in COMPONENT_KINDS.values() for kind in kinds}))
WORDS = ("yes", "no")
OBJECT, REGION, WHOLE = 1, 2, 3  # how far a chain goes
_TEMPERATURE = 0.6


@dataclass(frozen=True)
class Told:
    """What a chain says before its path."""

    thing: str  # of `OBJECTS`; "" where nobody knows
    region: tuple[bool, ...] | None  # whether each of `CELLS` can be driven on; None where nobody knows
    chances: tuple[float, ...] = ()  # of a yes at each cell, where a policy said it


class Chain(nn.Module):
    """The action tokens behind the chain are the head; it has no weights of its own."""

    def condition(self, prefix: Prefix) -> Prefix:
        """The prefix itself."""
        return prefix


def nothing_to_learn(network: nn.Module, target: Tensor, told: Prefix, generator: torch.Generator | None) -> Tensor:
    """A head without weights has no error of its own."""
    return target.sum() * 0.0


# -- what the truth is ----------------------------------------------------------------------------------------------


def told_of(sample: Sample) -> Told:
    """What a sample's label and map say of its chain."""
    return Told(_object(sample.reasoning), None if sample.around is None else region_of(sample.around))


def _object(reasoning: str) -> str:
    """The kind of the first cause; "nothing" where a label names none, "" where there is no label."""
    try:
        components = parse(reasoning).components if reasoning else None
    except TraceError:
        components = None
    if components is None:
        return ""
    return components[0].kind if components and components[0].kind in OBJECTS else OBJECTS[0]


def region_of(around: Surroundings) -> tuple[bool, ...] | None:
    """Which cells lie on the road; None where the drive has no map."""
    if around.road is None:
        return None
    return tuple(bool(any(_inside(cell, ring) for ring in around.road)) for cell in CELLS)


def _inside(point: NDArray[np.float64], ring: NDArray[np.float32]) -> bool:
    """Whether a ray from the point to the right crosses the ring an odd number of times."""
    x, y = (ring - point).astype(np.float64).T
    x_next, y_next = np.roll(x, -1), np.roll(y, -1)
    crosses = (y > 0) != (y_next > 0)
    at = x + (x_next - x) * y / np.where(crosses, y - y_next, 1.0)
    return bool((crosses & (at > 0)).sum() % 2)


# -- a chain in ids -------------------------------------------------------------------------------------------------


def chain_tail(vocabulary: Vocabulary, told: Told, links: int) -> Tail:
    """As many links as asked for; the last one is supervised, of a whole chain all that is known of it.

    An object that nobody knows stands there as nothing and is not supervised; a region is left out of a whole chain.
    """
    special, known = vocabulary.special, bool(told.thing)
    thing = [special["answer_start"], *_object_ids(vocabulary, told.thing or OBJECTS[0])]
    if links == OBJECT:
        return Tail(tuple(thing), answers=((1, len(thing)),) if known else ())
    region = list[int]()
    if told.region is not None:
        words = [_words(vocabulary)[0 if free else 1] for free in told.region]
        region = [special["answer_start"], *(i for word in words for i in word), special["answer_end"]]
    ids = [*thing, *region]
    if links == REGION:
        return Tail(tuple(ids), answers=((len(thing) + 1, len(ids)),) if region else ())
    first = 1 if known else len(thing) + 1
    return Tail((*ids, special["trajectory_start"]), answers=((first, len(ids)),) if first < len(ids) else ())


def _object_ids(vocabulary: Vocabulary, thing: str) -> list[int]:
    return [*vocabulary.text_ids(thing.replace("_", " "), "object"), vocabulary.special["answer_end"]]


def _words(vocabulary: Vocabulary) -> list[list[int]]:
    words = [vocabulary.text_ids(word, "region") for word in WORDS]
    if words[0][0] == words[1][0]:
        raise UnusableInput("this vocabulary begins yes and no alike: a chain cannot tell them apart")
    return words


def first_ids(vocabulary: Vocabulary) -> tuple[int, int]:
    """The first ids of a yes and of a no."""
    yes, no = _words(vocabulary)
    return yes[0], no[0]


def region_places(vocabulary: Vocabulary, told: Told) -> tuple[Tail, list[int]]:
    """A chain up to its region, and where in the tail the word of each cell begins."""
    assert told.region is not None
    lengths = [len(_words(vocabulary)[0 if free else 1]) for free in told.region]
    first = 2 + len(_object_ids(vocabulary, told.thing or OBJECTS[0]))
    return chain_tail(vocabulary, told, REGION), [first + sum(lengths[:cell]) for cell in range(len(lengths))]


# -- asking ---------------------------------------------------------------------------------------------------------


def act(policy: Policy, decoder: Decoder, noise: Tensor, steps: int, guidance: Guidance | None) -> Tensor:
    """Normalised controls [R, 64, 2]: the chain is said, then action tokens, drawn by the noise."""
    if guidance is not None:
        raise UsageError(f"route_guidance {guidance.weight}: action head 'chain' draws tokens and is not led; take 1")
    say_chain(policy, decoder)
    decoding.feed(policy, decoder, [[policy.special["trajectory_start"]]] * len(noise))
    uniform = torch.special.ndtr(noise).flatten(1)
    tokens, _ = decoding.generate_actions(policy, decoder, _TEMPERATURE, uniform)
    told = torch.from_numpy(action_tokens.decode(tokens.cpu().numpy()).astype(np.float32))
    return policy.normalised(told.to(noise.device))


@torch.no_grad()
def ask_chain(policy: Policy, items: Sequence[Observation | Sample]) -> list[Told]:
    """What a policy says of each observation before it drives."""
    batch = policy.batch_of(items, [Tail(())] * len(items))
    return say_chain(policy, decoding.prefill(policy, batch, policy.text_inputs(batch)))


def say_chain(policy: Policy, decoder: Decoder) -> list[Told]:
    """Objects and regions of R rows, each the likeliest; afterwards every row has read its own."""
    vocabulary, rows = policy.vocabulary, len(decoder.hidden)
    start, end = ([[policy.special[name]]] * rows for name in ("answer_start", "answer_end"))
    decoding.feed(policy, decoder, start)
    objects, _ = _say(policy, decoder, [_object_ids(vocabulary, thing) for thing in OBJECTS])
    decoding.feed(policy, decoder, start)
    words = _words(vocabulary)
    cells = [_say(policy, decoder, words) for _ in CELLS]
    decoding.feed(policy, decoder, end)
    return [
        Told(
            OBJECTS[objects[row]],
            tuple(chosen[row] == 0 for chosen, _ in cells),
            tuple(chances[row] for _, chances in cells),
        )
        for row in range(rows)
    ]


def _say(policy: Policy, decoder: Decoder, choices: Sequence[Sequence[int]]) -> tuple[list[int], list[float]]:
    """Which choice each row makes token by token, and the chance of the first choice's first token among all first.

    No choice may begin with another one.
    """
    said: list[list[int]] = [[] for _ in range(len(decoder.hidden))]
    chances = list[float]()
    while True:
        logits = policy.word_logits(decoder.hidden).float()
        if not chances:
            firsts = sorted({choice[0] for choice in choices})
            chances = torch.softmax(logits[:, firsts], dim=-1)[:, firsts.index(choices[0][0])].tolist()
        read = [_next(row, logits[number], choices) for number, row in enumerate(said)]
        if not any(read):
            return [list(map(list, choices)).index(row) for row in said], chances
        said = [[*row, *more] for row, more in zip(said, read, strict=True)]
        decoding.feed(policy, decoder, read)


def _next(said: list[int], logits: Tensor, choices: Sequence[Sequence[int]]) -> list[int]:
    """The likeliest of the ids that may follow; none where a choice is complete."""
    open_ = {choice[len(said)] for choice in choices if len(choice) > len(said) and list(choice[: len(said)]) == said}
    return [max(sorted(open_), key=lambda one: float(logits[one]))] if open_ else []
