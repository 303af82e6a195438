"""What corrected labels are checked against once more: the evidence of their moments and what the ego did next.

Knows which moments were corrected and where both are. Does not know how they are judged (`label`) or who corrected
(`answers`).
"""

from collections import defaultdict
from collections.abc import Collection
from typing import TYPE_CHECKING

from causeway.artifacts import Artifact
from causeway.clips import clips_of
from causeway.evidence import evidence_from_row
from causeway.meta_actions.step import each_drive_meta_actions
from causeway.reasoning.behaviour import Behaviour, DriveBehaviour

if TYPE_CHECKING:
    from causeway.evidence import Evidence


def known_of(
    moment_ids: Collection[str], evidence: Artifact | None, clips: Artifact | None
) -> "dict[str, tuple[Evidence, Behaviour]]":
    """Evidence and behaviour of the moments named that have both; only their drives are read, one at a time.

    Nothing without evidence or clips: what they would show is not known then.
    """
    if not moment_ids or evidence is None or clips is None:
        return {}
    drive_of = {clip.clip_id: clip.drive_id for clip in clips_of(clips).values()}
    of_drive: dict[str, list[Evidence]] = defaultdict(list)
    for rows in evidence.look("evidence", moment_id=list(moment_ids)):
        for row in rows.to_pylist():
            of_drive[drive_of.get(row["clip_id"], "")].append(evidence_from_row(row))
    found = {}
    for drive_id, _, actions in each_drive_meta_actions(clips, set(of_drive)):
        behaviour = DriveBehaviour(actions)
        for seen in of_drive[drive_id]:
            after = behaviour.after(seen.t0_us)
            if after.longitudinal:
                found[seen.moment_id] = (seen, after)
    return found
