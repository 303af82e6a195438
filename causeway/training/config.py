"""What each training stage may be told, with defaults that suit scale `tiny` on two cores.

Knows numbers only; no torch here, so that the command line and the cache can read a config for nothing.
"""

import json
import math
from dataclasses import dataclass, fields
from typing import Any

from causeway.errors import UsageError


@dataclass(frozen=True)
class TrainConfig:
    """What all stages share; the learning rate rises over `warmup` of the steps and falls along a cosine."""

    scale: str = "tiny"
    seed: int = 0
    steps: int = 150
    batch_size: int = 8  # samples of one step over all processes
    lr: float = 1e-3
    expert_lr: float = 1e-3  # of the action expert, which starts from nothing
    final_lr: float = 0.05  # share of the learning rate that the cosine ends at
    warmup: float = 0.05  # share of the steps
    weight_decay: float = 0.01
    grad_clip: float = 1.0
    checkpoint_every_s: float = 30.0
    keep_checkpoints: int = 2  # the newest ones; one that is damaged is passed over for the one before
    limit: int = 0  # at most so many samples; 0 = all
    passes: int = 1  # a step is taken in so many passes, dealt to the processes; at least one each
    zero: int = 2  # DeepSpeed's stage when there are several processes: 2 or 3
    bf16: bool = False  # passes compute in bfloat16 where that is safe; weights and optimizer stay in float32
    gradient_checkpointing: bool = False  # less memory, more time: activations are computed twice
    gate_samples: int = 48  # held-out samples of the short evaluation at a stage's end; 0 = none
    must_beat_baseline: bool = False  # whether a stage that does not beat its baseline is refused
    left_out: tuple[str, ...] = ()  # stages before this one that were not run, to see what they are worth


@dataclass(frozen=True)
class VlmConfig(TrainConfig):
    """Stage one: a new policy, and questions about the drive with their answers."""

    steps: int = 80
    vision_tokenizer: str = "single-image"  # or video, triplane, flex
    backbone: str = ""  # a local folder to begin with; the larger scales need one
    lora_rank: int = 0  # of adapters beside the backbone's weights, which then stay as they came; 0 = none
    camera_dropout: float = 0.05  # at this rate a sample's camera delivers nothing; one always stays


@dataclass(frozen=True)
class ActionConfig(TrainConfig):
    """Stage two: action tokens and the flow expert, with or without reasoning in the data."""

    steps: int = 150
    prefix_sigma_bins: float = 12.0  # noise on the action tokens a step sees of its own past (method 4.12, D-045)
    prefix_mask: float = 0.25  # share of them hidden, so that they listen to pictures and words
    route_drop: float = 0.1  # this share of samples loses its route: what guidance leads away from at inference
    reasoning_drop: float = 0.1  # this share loses its words: who must answer at once acts without them
    reasoning_weight: float = 4.0  # of the words' loss, a mean over tokens of which few decide anything
    flow_draws: int = 2  # noises a sample on one pass of the backbone: the expert is the cheap part
    camera_dropout: float = 0.05  # at this rate a sample's camera delivers nothing; one always stays


@dataclass(frozen=True)
class CocConfig(ActionConfig):
    """Stage three: reasoning, then action tokens, then the expert behind both."""

    steps: int = 75
    lr: float = 4e-4  # the weights know how to act already
    expert_lr: float = 4e-4


@dataclass(frozen=True)
class RecipeConfig(ActionConfig):
    """Any stage of a recipe (`recipes/`), which sets over these defaults what is its own."""

    recipe: str = ""
    stage: str = ""
    reasoning_drop: float = 0.0  # their papers train with all words …
    reasoning_weight: float = 1.0  # … that count as any other token
    vision_tokenizer: str = ""  # of the first stage; "" = the recipe's
    backbone: str = ""  # of the first stage: a local folder to begin with; the larger scales need one
    lora_rank: int = 0  # adapters of this rank are put beside the backbone's weights as the stage begins; 0 = none
    lora_targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj")  # beside these layers of it
    point_blocks: int = 0  # behind so many blocks of the head, whose absence costs least, points are added; 0 = none


def recipe_of(config: TrainConfig) -> str:
    """The name of the recipe whose stage is run; Alpamayo-R1's stages have configs of their own."""
    return config.recipe if isinstance(config, RecipeConfig) else "alpamayo"


@dataclass(frozen=True)
class RlConfig(TrainConfig):
    """Stage four: GRPO on words and action tokens, the expert re-fitted alongside; with walks, Flow-GRPO on it too."""

    steps: int = 11
    batch_size: int = 3  # groups of one step
    lr: float = 2.5e-5
    expert_lr: float = 5e-5  # it follows the backbone; faster, so few samples a step made its paths worse
    warmup: float = 0.2  # the first steps of an optimizer that knows nothing yet
    mix: str = "balanced"  # which rewards, by name: see mixes.py
    weights: str = ""  # other weights than the mix's: collision=2,jerk=0
    judge: str = ""  # who grades words: MODEL@URL of an endpoint; "" = the rules
    curate: int = 0  # learn from so many moments: half where policy and rewards disagree most, half random; 0 = all
    group_size: int = 6
    temperature: float = 1.0  # of the sampler; the trainer scores at the same temperature
    refills: int = 1  # so many times a group whose members earn the same gives way to another moment's
    form: str = "clipped"  # or "softmax", the paper's
    beta: float = 2.0
    kl_weight: float = 0.02
    clip_low: float = 0.2
    clip_high: float = 0.28
    spread_floor: float = 0.0  # of the clipped form: groups whose rewards spread less than this count by as much less
    tokens: bool = True  # action tokens are sampled and learn; False: words and the expert alone, at half the time
    rollout_workers: int = 0  # so many of the processes only roll out, and one trains; 0 = each rolls out its own
    staleness: int = 1  # of what workers roll out: in steps, at most; 0 = never stale, and nobody works ahead
    walk_draws: int = 0  # paths that the expert explores behind each reasoning; 0 = none: it is only re-fitted
    walk_steps: int = 5
    walk_level: float = 0.7  # how far it strays; 0 = not at all: paths as they are served, learned by flow matching
    walk_weight: float = 20.0  # of the walks' loss beside the expert's flow loss, whose gradient is far larger


def read_settings(text: str, kind: type[TrainConfig], where: str) -> dict[str, Any]:
    """Settings of a config written as a JSON object: `{"steps": 500, "bf16": true}`.

    UsageError naming `where` they were written, for a text that is none, and for a setting that `kind` does not have or
    has of another type.
    """
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{where} {text}: no JSON object ({error})") from None
    if not isinstance(settings, dict):
        raise UsageError(f"{where} {text}: no JSON object; write {{\"name\": value}}")
    known = {one.name: one.default for one in fields(kind)}
    for name, value in sorted(settings.items()):
        if name not in known:
            raise UsageError(f"{where}: no setting {name!r}; there are {', '.join(known)}")
        if not _fits(value, known[name]):
            raise UsageError(f"{where}: {name} is {json.dumps(value)}; write one like {json.dumps(known[name])}")
    return settings


def _fits(value: Any, default: Any) -> bool:
    """Whether a value out of JSON has the type of a default; whole numbers are numbers, tuples are lists of texts."""
    if isinstance(value, bool) or isinstance(default, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, float):
        return isinstance(value, int | float) and math.isfinite(value)
    if isinstance(default, tuple):
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return isinstance(value, type(default))
