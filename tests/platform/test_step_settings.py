import pytest

from causeway.errors import UsageError
from causeway.platform.steps import typed_settings


def test_settings_have_the_types_of_their_defaults() -> None:
    written = ["seed=3", "timeout_s=2", "camera=front", "ledger=a=b"]
    assert typed_settings("label_moments", written) == {"seed": 3, "timeout_s": 2.0, "camera": "front", "ledger": "a=b"}


@pytest.mark.parametrize(("text", "message"), [("seed", "name=value"), ("sed=1", "name=value"), ("seed=x", "not a number")])
def test_settings_that_are_none_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        typed_settings("label_moments", [text])


def test_a_step_without_settings_says_so() -> None:
    with pytest.raises(UsageError, match="knows none"):
        typed_settings("merge_labels", ["seed=1"])
