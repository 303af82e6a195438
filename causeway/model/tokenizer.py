"""Text ids, special ids and action ids: one vocabulary for everything the backbone reads and writes.

Knows the special tokens and where the action tokens lie. Does not know the order of a sequence (`sequence.py`)
or what a sentence means. The `tiny` tokenizer is committed beside this file and built by
`scripts/build_tokenizer.py`; larger scales load their backbone's tokenizer from a folder and get our tokens added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from causeway.errors import UnusableInput
from causeway.model import action_tokens
from causeway.model.sentence_tokens import SentenceTokens
from causeway.reasoning import CocRecord, Component, render

TINY_FOLDER = Path(__file__).parent / "tokenizers" / "tiny"
FILE_NAME = "tokenizer.json"

SPECIAL_TOKENS = (
    "<|pad|>",
    "<|image_start|>",
    "<|image_pad|>",
    "<|image_end|>",
    "<|history_start|>",
    "<|history_pad|>",
    "<|history_end|>",
    "<|route_start|>",
    "<|route_pad|>",
    "<|route_end|>",
    "<|question_start|>",
    "<|question_end|>",
    "<|answer_start|>",
    "<|answer_end|>",
    "<|coc_start|>",
    "<|coc_end|>",
    "<|trajectory_start|>",
    "<|trajectory_end|>",  # kept free: a trajectory always has 128 tokens, so nothing has to end it
    "<|action_mask|>",  # stands for an action token hidden from the steps after it (prefix masking)
)
ACTION_TOKENS = tuple(f"<|{action_tokens.VERSION}_{n:03d}|>" for n in range(action_tokens.VOCABULARY))

_SPOKEN = CocRecord(
    "stop_for_static_constraint",
    "lane_keeping",
    (
        Component("traffic_light", "red_light", None, "in_path", rank=1),
        Component("critical_object", "pedestrian", None, "crosswalk", "slowing", rank=2),
        Component("critical_object", "car", None, "left", "stopped", rank=3),
    ),
)


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """A tokenizer with our tokens in it. Attributes like `coc_end` are the ids of the special tokens."""

    tokenizer: Any  # transformers.PreTrainedTokenizerFast

    @cached_property
    def special(self) -> dict[str, int]:
        """Ids of the special tokens by their bare name ("coc_end")."""
        return {t.strip("<|>"): self.tokenizer.convert_tokens_to_ids(t) for t in SPECIAL_TOKENS}

    @cached_property
    def action_offset(self) -> int:
        """Id of action token 0; the others follow without a gap."""
        return int(self.tokenizer.convert_tokens_to_ids(ACTION_TOKENS[0]))

    @cached_property
    def size(self) -> int:
        """Number of ids, action tokens included."""
        return len(self.tokenizer)

    @cached_property
    def sentences(self) -> SentenceTokens:
        """The sentences of the reasoning grammar in this vocabulary's ids."""
        return SentenceTokens(self.text_ids, self.special["coc_end"])

    @cached_property
    def sha256(self) -> str:
        """Hash of the tokenizer as it is saved."""
        return hashlib.sha256(self.tokenizer.backend_tokenizer.to_str(pretty=True).encode()).hexdigest()

    def text_ids(self, text: str, what: str = "reasoning") -> list[int]:
        """Ids of plain text. UnusableInput when it spells one of the special or action tokens."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        reserved = set(self.special.values())
        for i in ids:
            if i in reserved or i >= self.action_offset:
                token = self.tokenizer.convert_ids_to_tokens(i)
                raise UnusableInput(f"{what}: the text spells the reserved token {token}; remove it")
        return ids

    def text(self, ids: Sequence[int]) -> str:
        """Plain text of ids, special and action tokens left out."""
        # as it was said: "tidied" spaces would be read as other tokens
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def save(self, folder: Path) -> None:
        """Write tokenizer.json and tokenizer_config.json."""
        self.tokenizer.save_pretrained(str(folder))


def load_vocabulary(folder: str | Path = TINY_FOLDER) -> Vocabulary:
    """The tokenizer of a folder that has our tokens (the committed `tiny` one, or a policy's). No network."""
    from transformers import PreTrainedTokenizerFast

    path = Path(folder) / FILE_NAME
    if not path.is_file():
        raise UnusableInput(f"{path}: no tokenizer there; give a policy's folder")
    try:
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(path), pad_token=SPECIAL_TOKENS[0])
    except Exception as error:  # the tokenizers library raises a bare Exception for bytes it cannot read
        raise UnusableInput(f"{path}: not a readable tokenizer ({error})") from None
    return _checked(Vocabulary(tokenizer), str(path))


def backbone_vocabulary(folder: str | Path) -> Vocabulary:
    """A backbone's own tokenizer, from a local folder, with our tokens appended."""
    from transformers import AutoTokenizer

    if not Path(folder).is_dir():
        raise UnusableInput(f"backbone {folder}: no such folder; give a local copy of its weights and tokenizer")
    if not (Path(folder) / FILE_NAME).is_file():  # without it an empty one would be made
        raise UnusableInput(f"backbone {folder}: no {FILE_NAME} there; copy the tokenizer beside the weights")
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0][:200]
        raise UnusableInput(f"backbone {folder}: no readable tokenizer ({reason})") from None
    tokenizer.add_tokens([*SPECIAL_TOKENS, *ACTION_TOKENS], special_tokens=True)
    return _checked(Vocabulary(tokenizer), str(folder))


def _reads_as_said(vocabulary: Vocabulary, where: str) -> None:
    """Refuse a tokenizer that reads a sentence otherwise than word by word: constrained decoding spells words."""
    sentence = render(_SPOKEN)
    try:
        vocabulary.sentences.path([*vocabulary.text_ids(sentence), vocabulary.special["coc_end"]])
    except UnusableInput as error:
        raise UnusableInput(f"{where}: tokenizer joins words of {sentence!r} ({error})") from None


def _checked(vocabulary: Vocabulary, where: str) -> Vocabulary:
    """Refuse a tokenizer without our tokens, or with action tokens out of order."""
    known = vocabulary.tokenizer.get_vocab()
    missing = [t for t in (*SPECIAL_TOKENS, *ACTION_TOKENS) if t not in known]
    if missing:
        raise UnusableInput(f"{where}: tokenizer lacks {len(missing)} of our tokens, first {missing[0]}")
    _reads_as_said(vocabulary, where)
    ids = [known[t] for t in ACTION_TOKENS]
    if ids != list(range(ids[0], ids[0] + len(ids))):
        raise UnusableInput(f"{where}: action tokens of version {action_tokens.VERSION} are not in one run")
    return vocabulary
