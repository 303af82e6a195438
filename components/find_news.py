"""Kubeflow component `find_news`: whether there is anything to retrain on."""

from typing import NamedTuple

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("pipelines"), install_kfp_package=False)
def find_news(
    samples: dsl.Input[dsl.Artifact],
    root: str,
    registry: str,
    withdrawn: str,
    scratch_every: int,
    champion: str,
    settings: str,
    rules: str,
    canary: str,
) -> NamedTuple("News", [("news", str), ("why", str), ("before", str), ("start", str), ("champion", str)]):  # type: ignore[valid-type]
    """Samples that the last round did not have, or drives withdrawn since; and where training starts.

    No news where the same round was refused before. `settings`: all others that decide how a round ends, in one text.
    """
    from typing import NamedTuple

    from causeway.platform.news import find_news_in_component

    others = {"settings": settings, "rules": rules, "canary": canary}
    found = find_news_in_component(samples.path, root, registry, withdrawn, scratch_every, champion, others)

    class News(NamedTuple):
        news: str
        why: str
        before: str
        start: str
        champion: str

    return News(**found)
