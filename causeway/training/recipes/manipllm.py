"""ManipLLM: what is there, where one can drive, the path: a chain of tokens, and eyes that go on learning on the road.

Its own: each link is learned behind the one before, by adapters beside a frozen backbone; the visual one of them is all
that `causeway.model.adaptation` moves when a drive has shown what the region ahead was like.
"""

from causeway.model.design import Design
from causeway.training.recipes.recipe import Recipe, RecipeStage

_ADAPTED = ("q_proj", "k_proj", "v_proj", "o_proj", "eyes")  # `causeway.model.lora.EYES`

MANIPLLM = Recipe(
    name="manipllm",
    paper="arXiv 2312.16217",
    says="a chain object, drivable region, path in tokens; the visual adapter learns on the road",
    design=Design("manipllm", head="chain", conditioning="kv-cache", speaks=False, action_tokens=True),
    stages=(
        RecipeStage(
            name="vlm",
            says="answers to questions about the drive (cross-entropy): the vision-language model it begins with",
            loss="questions",
            trains=("backbone", "embeddings"),
            judged="answers",
            settings={"steps": 80},
        ),
        RecipeStage(
            name="object",
            says="what is there (cross-entropy), by adapters and the tables of tokens",
            loss="objects",
            trains=("backbone",),
            judged="chain",
            reasoning_only=True,
            reads=("around",),
            settings={"steps": 40, "lora_rank": 4, "lora_targets": _ADAPTED},
        ),
        RecipeStage(
            name="region",
            says="where one can drive behind what is there: yes or no for each cell ahead (cross-entropy)",
            loss="regions",
            trains=("backbone",),
            judged="chain",
            reads=("around",),
            settings={"steps": 60},
        ),
        RecipeStage(
            name="path",
            says="the whole chain, its action tokens with some of their past hidden (cross-entropy)",
            loss="actions",
            trains=("backbone",),
            judged="paths",
            reads=("around",),
            settings={"steps": 150},
        ),
    ),
    needs=("reasoning", "road"),
)
