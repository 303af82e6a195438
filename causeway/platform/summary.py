"""A summary of an artifact that a person can read: what it is, what it was made from, what it holds.

Knows which description belongs to which kind. Does not know what is described how (`show_data`, `show_results`).
"""

import json
from datetime import UTC, datetime

from causeway.artifacts import Artifact, Manifest
from causeway.errors import UnusableInput
from causeway.platform import show_data, show_results
from causeway.platform.show_sections import Section

_DESCRIBE: dict[str, show_data.Describe] = {
    "drives": show_data.drives,
    "clips": show_data.clips,
    "quality": show_results.quality,
    "meta_actions": show_data.meta_actions,
    "moments": show_data.moments,
    "evidence": show_data.evidence,
    "labels": show_data.labels,
    "samples": show_data.samples,
    "policy": show_results.policy,
    "rollouts": show_results.rollouts,
    "report": show_results.report,
    "gate": show_results.gate,
    "release": show_results.release,
}


def contents(artifact: Artifact) -> list[Section]:
    """What an artifact holds, table by table; UnusableInput when its files are damaged."""
    kind = artifact.manifest.kind
    describe = _DESCRIBE.get(kind)
    try:
        found = describe(artifact) if describe else []
        return [section for section in [*found, *show_data.quarantine(artifact)] if section.rows]
    except (KeyError, TypeError, AttributeError) as error:
        text = f"{artifact.location}: not what {kind} hold ({type(error).__name__}: {error}); make the artifact again"
        raise UnusableInput(text) from error


def text_of(manifest: Manifest, sections: list[Section]) -> str:
    """Everything as lines of text."""
    return "\n".join([*_head(manifest), *(line for section in sections for line in ["", *section.text()])])


def _head(manifest: Manifest) -> list[str]:
    made = datetime.fromtimestamp(manifest.created_us / 1e6, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    lines = [
        f"{manifest.kind}  {manifest.content_hash}",
        f"  at      {manifest.location}",
        f"  made    {made} in {manifest.took_s:.1f} s by {manifest.step}, code {manifest.code_version}",
        f"  counts  {', '.join(f'{v} {k}' for k, v in sorted(manifest.counts.items())) or 'none'}",
        f"  files   {', '.join(sorted(manifest.files)[:12]) or 'none'}",
        f"  config  {json.dumps(manifest.config, sort_keys=True)}",
    ]
    lines += [f"  from    {name}: {value}" for name, value in sorted(manifest.inputs.items())]
    return lines + [f"  source  {source['name']} ({source['licence']})" for source in manifest.sources]
