"""The model card: what a policy was trained on, by which stages, with what losses.

Knows Markdown and the record of losses. Does not know models.
"""

from collections.abc import Mapping, Sequence

from causeway.training.losses import Line, first_and_last


def model_card(
    sources: Mapping[str, str],
    sample_counts: Mapping[str, int],
    says: Mapping[str, str],
    lines: Sequence[Line],
    verdicts: Sequence[str] = (),
) -> str:
    """Markdown: data with licences, how many samples the last stage took, each stage's losses first → last.

    sources {name: licence}; sample_counts {what: n}; says {stage: what it learns}; lines of `losses.jsonl`; verdicts:
    a sentence for each stage that was held against its baseline.
    """
    parts = [
        "Reads cameras and ego history; answers with a reasoning trace and 64 waypoints (6.4 s).",
        "## Data",
        "| source | licence |\n|---|---|\n"
        + "\n".join(f"| {name} | {licence} |" for name, licence in sorted(sources.items())),
        "Samples of the last stage: " + ", ".join(f"{n} {what}" for what, n in sample_counts.items()) + ".",
        "## Training",
        "| stage | learns | steps | loss, first tenth → last tenth |\n|---|---|---|---|\n" + _rows(says, lines),
        "Short evaluation behind each stage:\n\n" + ("\n".join(f"- {one}" for one in verdicts) or "- none was made"),
        "## Limits",
        "Trained on the data above and nothing else; not for use in a vehicle. Its numbers stand in a report.",
    ]
    return "\n\n".join(parts) + "\n"


def _rows(says: Mapping[str, str], lines: Sequence[Line]) -> str:
    steps = {name: sum(line["stage"] == name for line in lines) for name in {line["stage"] for line in lines}}
    return "\n".join(
        f"| {name} | {says.get(name, '')} | {steps[name]} | {first:.3f} → {last:.3f} |"
        for name, (first, last) in first_and_last(list(lines)).items()
    )
