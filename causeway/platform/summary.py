"""A summary of an artifact that a person can read, from its manifest alone."""

import json
from datetime import UTC, datetime

from causeway.artifacts import Manifest


def summary(manifest: Manifest) -> str:
    """What it is, where it is, what it holds, what it was made from and by."""
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
    lines += [f"  source  {source['name']} ({source['licence']})" for source in manifest.sources]
    return "\n".join(lines)
