"""π0: a vision-language model and a flow expert trained as one, on everything first, then on a small clean set.

Its own: the flow's gradients reach the backbone, no action tokens, no words; one chunk of all 64 controls in ten Euler
steps. The clean set are the samples whose labels passed critic, consistency and quality gate.
"""

from causeway.model.design import Design
from causeway.training.recipes.recipe import Recipe, RecipeStage

PI0 = Recipe(
    name="pi0",
    paper="arXiv 2410.24164",
    says="flow matching over whole chunks, backbone and expert as one; broad pre-training, then a small clean set",
    design=Design("pi0", head="flow", conditioning="joint-kv-cache", speaks=False, action_tokens=False),
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
            name="broad",
            says="flow matching on every sample, its gradients through the backbone",
            loss="actions",
            trains=("backbone", "embeddings", "expert"),
            judged="paths",
            settings={"steps": 150},
        ),
        RecipeStage(
            name="post",
            says="flow matching on the small clean set: samples whose labels passed every check",
            loss="actions",
            trains=("backbone", "embeddings", "expert"),
            judged="paths",
            reasoning_only=True,
            settings={"steps": 75, "lr": 4e-4, "expert_lr": 4e-4, "limit": 512},
        ),
    ),
    needs=("reasoning",),
)
