import numpy as np
import pytest

from causeway.evaluation.answers import AskConfig
from causeway.evaluation.faithfulness import FORCED, faithfulness, swapped
from causeway.reasoning import parse, render

from .conftest import GO, STOP, KnownPolicy, make_sample, shows


def test_forced_sentences_are_in_the_grammar():
    assert all(render(parse(sentence)) == sentence for sentence in FORCED.values())
    assert (FORCED["stop"], FORCED["go"]) == (STOP, GO)


def test_wheels_that_listen_and_wheels_that_do_not(known, samples):
    listening = faithfulness(known(STOP), samples, AskConfig()).values
    # own words: stand. No words, or go: 8 m/s, so the mean shift over 64 ticks is 0.8 m · 32.5
    assert listening["faithfulness_emptied_m"] == pytest.approx(np.full(8, 26.0), abs=1e-4)
    assert listening["faithfulness_contradicted_mps"] == pytest.approx(np.full(8, 8.0), abs=1e-4)
    assert listening["faithfulness_stop_go_mps"] == pytest.approx(np.full(8, 8.0), abs=1e-4)
    assert set(listening["faithfulness_stop_go_followed"]) == {1.0}
    deaf = faithfulness(known(STOP, listens=False), samples, AskConfig()).values
    moved = [name for name in deaf if name.rsplit("_", 1)[-1] in ("m", "mps", "deg")]
    assert {name: set(deaf[name]) for name in moved} == {name: {0.0} for name in moved}
    assert set(deaf["faithfulness_stop_go_followed"]) == {0.0}


def test_same_words_same_path(known, samples):
    found = faithfulness(known(GO), samples, AskConfig()).values
    assert set(found["faithfulness_repeated_m"]) == {0.0}
    assert found["faithfulness_swapped_m"] == pytest.approx(np.full(8, 26.0), abs=1e-4), "labels say stop"


def test_swapped_words_come_from_another_clip():
    samples = [make_sample(0), make_sample(1), make_sample(2, reasoning=GO), make_sample(4, reasoning="")]
    assert swapped(samples, [STOP] * 4) == [GO, GO, STOP, GO]
    assert swapped(samples, ["a", "b", "c", "d"]) == ["c", "c", "d", "a"]


def test_failures_are_counted(known, samples):
    policy = known(break_on=lambda s: "nan" if shows(3)(s) else "")
    found = faithfulness(policy, samples, AskConfig())
    assert found.counts["faithfulness_failed_answers"] == (1, 8)
    assert np.isnan(found.values["faithfulness_swapped_m"][3])
    assert np.isnan(found.values["faithfulness_stop_go_followed"][3])


def test_an_answer_that_fails_under_other_words_alone_is_told(samples):
    class Brittle(KnownPolicy):
        def predict(self, samples, n=1, seed=0, *, forced_reasoning=None, **options):
            if forced_reasoning and FORCED["left"] in forced_reasoning:
                raise RuntimeError("no such word")
            return super().predict(samples, n, seed, forced_reasoning=forced_reasoning, **options)

    found = faithfulness(Brittle(), samples, AskConfig())
    assert found.counts["faithfulness_failed_answers"] == (8, 8)
    assert [note.split(":")[0] for note in found.notes] == ["faithfulness, told left"]
