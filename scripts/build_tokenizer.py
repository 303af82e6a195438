"""Build the committed `tiny` tokenizer: python scripts/build_tokenizer.py [FOLDER].

Byte-level, so every text survives; a Unigram model prefers the whole words of the reasoning grammar to bytes.
The same words give the same bytes: a test rebuilds it and compares the hash.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from causeway.meta_actions.names import LANE, LATERAL, LONGITUDINAL
from causeway.model.tokenizer import ACTION_TOKENS, FILE_NAME, SPECIAL_TOKENS, TINY_FOLDER
from causeway.reasoning.grammar import GRAMMAR_WORDS

QUESTION_WORDS = (
    "what which where how why when is are the a of to in on at ahead there now far fast many does do will you it "
    "ego vehicle car light state speed distance metres per second lane road lead action yes no none "
    "What Which Where How Why Is Are Does Will The ? : % m s"
)
WORD_SCORE, BYTE_SCORE = -1.0, -12.0  # a word is always cheaper than the bytes that spell it


def words() -> list[str]:
    """Every word that gets an id of its own, sorted."""
    names = [part for name in (*LONGITUDINAL, *LATERAL, *LANE) for part in name.split("_")]
    return sorted({*GRAMMAR_WORDS, *names, *QUESTION_WORDS.split()})


def build() -> Any:
    """The tokenizer (tokenizers.Tokenizer)."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [form for word in words() for form in (word, "Ġ" + word)]
    vocabulary = [(byte, BYTE_SCORE) for byte in alphabet]
    vocabulary += [(piece, WORD_SCORE) for piece in pieces if piece not in alphabet]
    tokenizer = Tokenizer(models.Unigram(vocabulary))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokens = [AddedToken(t, special=True, normalized=False) for t in (*SPECIAL_TOKENS, *ACTION_TOKENS)]
    tokenizer.add_special_tokens(tokens)
    return tokenizer


def main() -> None:
    """Write tokenizer.json to the folder given, or over the committed one."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else TINY_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE_NAME
    tokenizer = build()
    path.write_text(tokenizer.to_str(pretty=True), encoding="utf-8")
    print(f"{path}: {tokenizer.get_vocab_size()} ids, {len(words())} words")


if __name__ == "__main__":
    main()
