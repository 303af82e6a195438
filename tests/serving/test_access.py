"""Tokens are read strictly, kept as digests, and let nobody else in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.errors import UnusableInput, UsageError
from causeway.serving.access import OPEN_PATHS, read_tokens
from causeway.serving.server import _tokens, named_policies

SECRET = "s3cret-of-car-1-abcdef"
FILE = f"# our fleet\ncar-1 {SECRET}\n\ncar-2   another-long-token-22  # spare\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tokens"
    path.write_text(FILE)
    return str(path)


def test_a_token_belongs_to_its_vehicle(file):
    tokens = read_tokens(file)
    assert tokens.vehicle(f"Bearer {SECRET}") == "car-1"
    assert tokens.vehicle("bearer another-long-token-22") == "car-2"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", f"Basic {SECRET}", SECRET, f"Bearer {SECRET}x", "Bearer #"])
def test_anything_else_belongs_to_nobody(file, header):
    assert read_tokens(file).vehicle(header) is None


@given(st.text())
def test_no_text_opens_by_chance(header):
    import os
    from unittest.mock import patch

    with patch.dict(os.environ, {"CAUSEWAY_TOKENS": f"car-1 {SECRET}"}):
        assert read_tokens("").vehicle(f"Bearer x{header}") is None


def test_tokens_do_not_show(file):
    assert SECRET not in repr(read_tokens(file))


def test_tokens_come_from_the_environment_when_no_file_is_named(monkeypatch):
    monkeypatch.setenv("CAUSEWAY_TOKENS", f"car-1 {SECRET},car-2 another-long-token-22")
    assert read_tokens("").vehicle("Bearer another-long-token-22") == "car-2"
    monkeypatch.setenv("CAUSEWAY_TOKENS", " ")
    assert read_tokens("") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "holds no token"),
        ("# nothing\n", "holds no token"),
        (f"car-1 {SECRET} more\n", "line 1"),
        (f"\n{SECRET}\n", "line 2"),
        (f"car-1 {SECRET}\ncar-1 {SECRET}2\n", "line 2"),
        (f"cår 1 {SECRET}\n", "line 1"),
        ("car-1 tooshort\n", "less than 16"),
    ],
)
def test_a_bad_file_is_refused_without_repeating_it(tmp_path, text, problem):
    path = tmp_path / "tokens"
    path.write_text(text)
    with pytest.raises(UnusableInput, match=problem) as error:
        read_tokens(str(path))
    assert SECRET not in str(error.value)
    assert "tooshort" not in str(error.value)


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(UnusableInput, match="no readable file of tokens"):
        read_tokens(str(tmp_path / "none"))


def test_beyond_this_machine_a_server_wants_tokens_or_the_word(file, monkeypatch):
    monkeypatch.delenv("CAUSEWAY_TOKENS", raising=False)
    assert _tokens("127.0.0.1", "", False) is None
    assert _tokens("0.0.0.0", "", True) is None
    assert _tokens("0.0.0.0", file, False) is not None
    with pytest.raises(UsageError, match="--without-tokens"):
        _tokens("0.0.0.0", "", False)
    with pytest.raises(UsageError, match="given and refused"):
        _tokens("127.0.0.1", file, True)


@pytest.mark.parametrize(
    ("path", "open_"),
    [
        ("/v2/health/live", True),
        ("/v2/models/causeway/ready", True),
        ("/metrics", True),
        ("/v2/models/causeway/infer", False),
        ("/v2/models/causeway", False),
        ("/v2/models/a/b/ready", False),
        ("/metrics/", False),
    ],
)
def test_only_probes_and_metrics_are_open(path, open_):
    assert bool(OPEN_PATHS.fullmatch(path)) == open_


def test_policies_have_names_of_their_own():
    assert named_policies("a", ["canary=b", "shadow-2=s3://x/y=z"]) == {
        "causeway": "a",
        "canary": "b",
        "shadow-2": "s3://x/y=z",
    }


@pytest.mark.parametrize("pair", ["canary", "=b", "canary=", "causeway=b", "Canary=b", "a/b=c", "-a=b"])
def test_a_bad_name_is_refused(pair):
    with pytest.raises(UsageError, match="NAME=POLICY"):
        named_policies("a", [pair])
