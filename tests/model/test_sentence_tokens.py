"""The grammar in ids: every sentence is a path, and nothing but sentences is."""

import random
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.errors import UnusableInput
from causeway.model.scales import SCALES
from causeway.model.sentence_tokens import SentenceTokens
from causeway.model.tokenizer import load_vocabulary
from causeway.reasoning import CocRecord, Component, parse, render
from causeway.reasoning.names import (
    COMPONENT_KINDS,
    LATERAL_DECISIONS,
    LONGITUDINAL_DECISIONS,
    MOTIONS,
    RELATIVE_POSES,
)

VOCABULARY = load_vocabulary()
END = VOCABULARY.special["coc_end"]
KINDS = [(category, kind) for category, kinds in COMPONENT_KINDS.items() for kind in kinds]


@st.composite
def records(draw):
    named = draw(
        st.lists(
            st.tuples(st.sampled_from(KINDS), st.sampled_from(RELATIVE_POSES), st.sampled_from(MOTIONS)), max_size=3
        )
    )
    components = tuple(Component(*kind, None, pose, motion, rank=i) for i, (kind, pose, motion) in enumerate(named, 1))
    return CocRecord(
        draw(st.sampled_from(LONGITUDINAL_DECISIONS)), draw(st.sampled_from(LATERAL_DECISIONS)), components
    )


def test_every_pair_of_decisions_can_be_said():
    for longitudinal in LONGITUDINAL_DECISIONS:
        for lateral in LATERAL_DECISIONS:
            ids = [*VOCABULARY.text_ids(render(CocRecord(longitudinal, lateral, ()))), END]
            assert len(VOCABULARY.sentences.path(ids)) == len(ids)


@settings(max_examples=200, deadline=None)
@given(records())
def test_every_sentence_is_a_path_that_ends(record):
    sentences, ids = VOCABULARY.sentences, [*VOCABULARY.text_ids(render(record)), END]
    states = sentences.path(ids)
    assert sentences.moves(sentences.moves(states[-1])[END]) == {}


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_every_path_is_a_sentence_as_a_tokenizer_reads_it(seed):
    rng, state, ids = random.Random(seed), 0, []
    while moves := VOCABULARY.sentences.moves(state):
        ids.append(rng.choice(sorted(moves)))
        state = moves[ids[-1]]
    text = VOCABULARY.text(ids)
    assert render(parse(text)) == text
    assert VOCABULARY.text_ids(text) == ids[:-1]


def test_the_longest_sentence_fits_the_smallest_scale():
    @cache
    def longest(state):
        return 1 + max(map(longest, moves.values())) if (moves := VOCABULARY.sentences.moves(state)) else 0

    assert longest(0) <= min(scale.max_reasoning_tokens for scale in SCALES.values())


def test_what_is_no_sentence_names_its_first_wrong_id():
    ids = VOCABULARY.text_ids("Stop for the sky.")
    with pytest.raises(UnusableInput, match="number 4 of the reasoning, fits nowhere"):
        VOCABULARY.sentences.path(ids)


def test_masks_allow_the_moves_and_nothing_else():
    state = VOCABULARY.sentences.path(VOCABULARY.text_ids("Stop for the"))[-1]
    masks = VOCABULARY.sentences.masks([0, state], VOCABULARY.size + 5)
    assert masks.shape == (2, VOCABULARY.size + 5)
    assert masks[1].nonzero()[:, 0].tolist() == VOCABULARY.text_ids(" the")
    assert torch.equal(masks[0].nonzero()[:, 0], torch.tensor(sorted(VOCABULARY.sentences.moves(0))))


def test_words_may_be_spelled_in_pieces():
    """A vocabulary of single letters: words begin with each other's letters, and every sentence still has one path."""
    sentences = SentenceTokens(lambda text: [ord(letter) for letter in text], end_id=0)
    said = "Stop for the stopped car ahead."
    states = sentences.path([*map(ord, said), 0])
    assert set(map(chr, sentences.moves(states[1]))) == {"t"}
    assert set(map(chr, sentences.moves(sentences.path([*map(ord, "Stop"), 0x20])[-1]))) == {" ", "."}
    assert sentences.moves(states[-1]) == {0: sentences.moves(states[-1])[0]}
    with pytest.raises(UnusableInput):
        sentences.path([*map(ord, "Stop fox")])
