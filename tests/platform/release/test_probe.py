"""How often the endpoint is asked until its split is seen."""

from collections import Counter
from itertools import cycle
from types import SimpleNamespace

import pytest

from causeway.errors import CausewayError, Refused
from causeway.platform.release.probe import _through


class Endpoint:
    """Answers, refuses or fails in turn."""

    def __init__(self, *outcomes: str) -> None:
        self.outcomes, self.asked = cycle(outcomes), []

    def __call__(self, observation: str) -> SimpleNamespace:
        self.asked.append(observation)
        outcome = next(self.outcomes)
        if outcome == "full":
            raise Refused("full")
        if outcome == "lost":
            raise CausewayError("no answer")
        return SimpleNamespace(policy_version=outcome)


@pytest.mark.parametrize(
    ("outcomes", "found", "lost", "asked"),
    [
        (("a", "b"), {"a": 3, "b": 3}, 0, 6),
        (("a", "full", "b"), {"a": 3, "b": 3}, 0, 9),  # the ninth is the sixth that is answered
        (("a", "lost"), {"a": 3}, 3, 6),
        (("full",), {}, 0, 6),  # as many refusals as answers were wanted: it ends with too few
        (("a", "full", "full", "full"), {"a": 2}, 0, 8),
    ],
)
def test_refused_questions_are_asked_again_and_count_for_no_answer(outcomes, found, lost, asked):
    endpoint = Endpoint(*outcomes)
    questions = [SimpleNamespace(observation=name) for name in "xy"]
    assert _through(endpoint, questions, 6) == (Counter(found), lost)
    assert endpoint.asked == (["x", "y"] * asked)[:asked]
