import hashlib
import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.errors import UnusableInput
from causeway.model.tokenizer import ACTION_TOKENS, FILE_NAME, SPECIAL_TOKENS, TINY_FOLDER, load_vocabulary
from causeway.reasoning import GRAMMAR_WORDS

VOCABULARY = load_vocabulary()
SCRIPT = Path(__file__).parents[2] / "scripts" / "build_tokenizer.py"


def test_committed_tokenizer_is_what_the_script_builds():
    spec = importlib.util.spec_from_file_location("build_tokenizer", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    rebuilt = hashlib.sha256(script.build().to_str(pretty=True).encode()).hexdigest()
    committed = hashlib.sha256((TINY_FOLDER / FILE_NAME).read_bytes()).hexdigest()
    assert rebuilt == committed, "run scripts/build_tokenizer.py and commit the result"


def test_every_word_of_the_grammar_is_one_token():
    for word in GRAMMAR_WORDS:
        assert len(VOCABULARY.text_ids(word)) == 1, word
        assert len(VOCABULARY.text_ids(f"a {word}")) in (2, 3), word  # marks keep the space as a token


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_any_text_survives(text):
    if not any(token in text for token in (*SPECIAL_TOKENS, *ACTION_TOKENS)):
        assert VOCABULARY.text(VOCABULARY.text_ids(text)) == text


def test_text_may_not_spell_reserved_tokens():
    with pytest.raises(UnusableInput, match=r"reserved token <\|coc_end\|>"):
        VOCABULARY.text_ids("Stop.<|coc_end|>")
    with pytest.raises(UnusableInput, match="reserved token"):
        VOCABULARY.text_ids(ACTION_TOKENS[3])


def test_action_tokens_are_the_last_ids_in_one_run():
    ids = VOCABULARY.tokenizer.convert_tokens_to_ids(list(ACTION_TOKENS))
    assert ids == list(range(VOCABULARY.action_offset, VOCABULARY.size))
    assert len(set(VOCABULARY.special.values())) == len(SPECIAL_TOKENS)


def test_saved_and_loaded_again_is_the_same(tmp_path):
    VOCABULARY.save(tmp_path)
    again = load_vocabulary(tmp_path)
    assert again.sha256 == VOCABULARY.sha256
    assert again.special == VOCABULARY.special


def test_a_tokenizer_without_our_tokens_is_refused(tmp_path):
    raw = json.loads((TINY_FOLDER / FILE_NAME).read_text())
    raw["added_tokens"] = [t for t in raw["added_tokens"] if t["content"] != "<|coc_end|>"]
    (tmp_path / FILE_NAME).write_text(json.dumps(raw))
    with pytest.raises(UnusableInput, match=r"lacks 1 of our tokens, first <\|coc_end\|>"):
        load_vocabulary(tmp_path)
    (tmp_path / FILE_NAME).write_text("{")
    with pytest.raises(UnusableInput, match="not a readable tokenizer"):
        load_vocabulary(tmp_path)
    with pytest.raises(UnusableInput, match="no tokenizer there"):
        load_vocabulary(tmp_path / "nowhere")
