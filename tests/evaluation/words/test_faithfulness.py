from dataclasses import replace

import numpy as np
import pytest

from causeway.evaluation.answers import AskConfig
from causeway.evaluation.words.faithfulness import FORCED, faithfulness, swapped
from causeway.evaluation.words.lost_inputs import blank_history, lost_camera
from causeway.evaluation.words.nats import word_nats
from causeway.model.observation import example_observation
from causeway.reasoning import parse, render

from ..conftest import GO, SPEC, STOP, KnownPolicy, make_sample, shows, straight


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
    assert [note.split(":")[0] for note in found.notes if "answers failed" in note] == ["faithfulness, told left"]


class Sighted(KnownPolicy):
    """Stands in the dark, and without a second camera."""

    def _path(self, item, words):
        dark = not item.images.any() or len(item.cameras) == 1
        return straight(0.0) if dark else super()._path(item, words)


def two_cameras(number, cameras=("front_wide", "front_tele")):
    spec = replace(SPEC, cameras=cameras)
    sample = make_sample(number)
    return replace(sample, observation=example_observation(number, spec, 8.0))


def test_lost_inputs_move_who_looks_and_only_them():
    samples = [two_cameras(0), two_cameras(2), two_cameras(4, ("front_wide",))]
    found = faithfulness(Sighted(GO), samples, AskConfig())
    # dark: stands instead of 8 m/s as recorded: 0.8 m · 32.5 off
    assert found.values["faithfulness_blank_images_m"] == pytest.approx([26.0, 26.0, 0.0], abs=1e-4)
    assert found.values["faithfulness_blank_images_worse_m"] == pytest.approx([26.0, 26.0, 0.0], abs=1e-4)
    assert found.values["faithfulness_without_front_tele_mps"][:2] == pytest.approx([8.0, 8.0], abs=1e-4)
    assert np.isnan(found.values["faithfulness_without_front_tele_m"][2]), "it has no other camera"
    assert found.counts["faithfulness_failed_answers"] == (0, 3), "what was not asked has not failed"
    blind = faithfulness(KnownPolicy(GO), samples, AskConfig())
    assert set(blind.values["faithfulness_blank_images_m"]) == {0.0}
    assert any("no likelihoods" in note for note in blind.notes)


def test_blank_history_tells_nothing_but_the_speed():
    observation = replace(example_observation(0, SPEC, 8.0), ego_history=np.ones((16, 3), dtype=np.float32))
    blank = blank_history(observation)
    assert blank.ego_history[-1].tolist() == [0.0, 0.0, 0.0]
    assert np.diff(blank.ego_history[:, 0]) == pytest.approx(np.full(15, 0.8), abs=1e-5)
    assert not blank.ego_history[:, 1:].any()
    assert lost_camera(observation, "front_wide") is lost_camera(observation, "rear") is None


class Scoring(KnownPolicy):
    """Finds the recorded path likelier by one nat for each word it is told, by half of that with a hidden prefix."""

    scores_paths = True

    def action_logprobs(self, samples, words, hidden_prefix=False):
        if any("boom" in text for text in words):
            raise ValueError("no such word")
        return np.array([len(text.split()) for text in words]) * (0.5 if hidden_prefix else 1.0)


def test_nats_are_differences_of_log_likelihoods():
    samples = [make_sample(0), make_sample(2, reasoning=""), make_sample(4, reasoning="boom")]
    found = word_nats(Scoring(), samples, ["a b c"] * 3, ["a", "a b c", "a b c d"], batch=1)
    assert found["swapped"].tolist() == [2.0, 0.0, -1.0]
    assert found["emptied"].tolist() == [3.0, 3.0, 3.0]
    assert found["emptied_hidden"].tolist() == [1.5, 1.5, 1.5]
    assert found["label"][0] == len(STOP.split())
    assert np.isnan(found["label"][1:]).all(), "no label, and a label that cannot be read"
    suite = faithfulness(Scoring(GO), samples[:2], AskConfig())
    assert suite.units["faithfulness_swapped_nats"] == "nats"
    assert suite.counts["faithfulness_failed_answers"] == (0, 2), "who has no label has not failed"


def test_a_policy_that_never_learned_the_tokens_gets_no_nats():
    policy = Scoring(GO)
    policy.scores_paths = False
    found = faithfulness(policy, [make_sample(0), make_sample(2)], AskConfig())
    assert not any(name.endswith("_nats") for name in found.values)
    assert found.counts["faithfulness_failed_answers"] == (0, 2)
    assert any("no likelihoods" in note for note in found.notes)


def test_a_path_without_a_likelihood_is_a_failure_and_takes_no_other_with_it():
    samples = [make_sample(0), make_sample(2, reasoning="boom"), make_sample(4)]
    together = word_nats(Scoring(), samples, ["a b"] * 3, ["a"] * 3, batch=3)
    assert np.isnan(together["label"]).tolist() == [False, True, False]
    suite = faithfulness(Scoring(GO), samples, AskConfig())
    assert suite.counts["faithfulness_failed_answers"] == (2, 3), "it is one scene's label and said in another"
    assert "faithfulness: 2 of 3 recorded paths got no finite likelihood" in suite.notes
