"""A step's code hash follows its imports and the data files beside them, and nothing else."""

from pathlib import Path

import pytest

from causeway.artifacts import code_version

FILES = {
    "requirements.lock": "a==1\n",
    "causeway/__init__.py": "",
    "causeway/room/__init__.py": "",
    "causeway/room/step.py": "def f():\n    from causeway.room.late import g\n    from . import near\n",
    "causeway/room/late.py": "from .deep.leaf import x\n",
    "causeway/room/near.py": "",
    "causeway/room/words/tiny/words.json": "{}",
    "causeway/room/deep/__init__.py": "",
    "causeway/room/deep/leaf.py": "x = 1\n",
    "causeway/other/__init__.py": "",
    "causeway/other/step.py": "y = 1\n",
    "causeway/other/rules.yaml": "a: 1\n",
}


@pytest.fixture
def house(tmp_path, monkeypatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(code_version, "ROOT", tmp_path)
    monkeypatch.setattr(code_version, "LOCK", tmp_path / "requirements.lock")
    return tmp_path


def _hash() -> str:
    code_version.code_hash.cache_clear()
    code_version._imports_of.cache_clear()
    return code_version.code_hash("causeway.room.step")


@pytest.mark.parametrize(
    "changed",
    [
        "requirements.lock",
        "causeway/__init__.py",
        "causeway/room/step.py",
        "causeway/room/late.py",  # imported inside a function
        "causeway/room/near.py",  # imported relatively
        "causeway/room/deep/leaf.py",  # imported by an import, relatively
        "causeway/room/words/tiny/words.json",  # data in a folder that is no package
    ],
)
def test_what_a_step_reaches_changes_its_hash(house, changed):
    before = _hash()
    (house / changed).write_text(FILES[changed] + "\n# changed\n")
    assert _hash() != before


@pytest.mark.parametrize("changed", ["causeway/other/step.py", "causeway/other/rules.yaml"])
def test_what_a_step_does_not_reach_leaves_its_hash(house, changed):
    before = _hash()
    (house / changed).write_text("changed: true\n")
    assert _hash() == before


def test_the_hash_does_not_know_where_the_house_stands(house, tmp_path_factory, monkeypatch):
    before, elsewhere = _hash(), tmp_path_factory.mktemp("b") / "house"
    house.rename(elsewhere)
    monkeypatch.setattr(code_version, "ROOT", elsewhere)
    monkeypatch.setattr(code_version, "LOCK", elsewhere / "requirements.lock")
    assert _hash() == before


def test_training_reaches_the_committed_tokenizer():
    files = code_version._data_of(code_version.ROOT / "causeway" / "model")
    assert code_version.ROOT / "causeway/model/tokenizers/tiny/tokenizer.json" in files
