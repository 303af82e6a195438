"""A mapping file for own tables, and drives read by one."""

import yaml

from causeway.clips.readers.tables import reader as tables

POSES = 31  # of the rig in `conftest`


def put(root, mapping):
    (root / "rig.yaml").write_text(yaml.safe_dump(mapping))
    return root / "rig.yaml"


def opened(root, mapping):
    (recording,) = tables.recordings(put(root, mapping))
    return recording.open()


def whole(rows):
    """All rows of tracks or lights that are on disk."""
    return rows.between(-(2**62), 2**62)
