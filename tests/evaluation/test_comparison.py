import numpy as np
import pytest

from causeway.evaluation.comparison import (
    bonferroni,
    clusters_to_exclude,
    difference,
    paired,
    unseen_share,
)


def clips(count):
    return [f"clip{i}" for i in range(count)]


def test_pairs_are_of_units_that_both_have():
    ours = {"a": ("k", 3.0), "b": ("k", 5.0), "c": ("l", 7.0)}
    apart, of = paired(ours, {"b": ("k", 1.0), "c": ("l", 2.0), "d": ("l", 9.0)}, factor=2.0)
    assert (apart.tolist(), of) == ([3.0, 3.0], ["k", "l"])
    assert difference(*paired(ours, {}), 0.001) is None


def test_students_bounds_by_hand():
    found = difference(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), clips(5), 0.025)
    half = 2.776445 * np.sqrt(2.5) / np.sqrt(5)  # t of 4 degrees of freedom
    assert (found.value, found.spread) == (3.0, pytest.approx(np.sqrt(2.5)))
    assert (found.low, found.high) == (pytest.approx(3.0 - half, abs=1e-5), pytest.approx(3.0 + half, abs=1e-5))
    assert (found.level, found.n, found.clusters) == (0.975, 5, 5)


def test_copies_of_a_clip_add_no_certainty():
    values = np.array([0.0, 1.0, 2.0, 5.0])
    once = difference(values, clips(4), 0.01)
    often = difference(np.repeat(values, 30), np.repeat(clips(4), 30).tolist(), 0.01)
    assert (often.low, often.high) == (pytest.approx(once.low), pytest.approx(once.high))


def test_one_clip_has_no_bounds():
    found = difference(np.array([1.0, 2.0]), ["a", "a"], 0.01)
    assert (found.value, found.low, found.high) == (1.5, None, None)
    assert clusters_to_exclude(found, 0.1, 0.01) is None


def test_a_share_that_never_differed_is_not_certain():
    found = difference(np.zeros(100), clips(100), 0.05, share=True)
    assert (found.low, found.high) == (pytest.approx(-0.029513, abs=1e-6), pytest.approx(0.029513, abs=1e-6))
    metres = difference(np.zeros(100), clips(100), 0.05)
    assert (metres.low, metres.high) == (0.0, 0.0)


def test_power_by_hand():
    found = difference(np.tile([-1.0, 1.0], 50), clips(100), 0.025)
    spread = np.sqrt(100 / 99)
    assert clusters_to_exclude(found, 0.5, 0.025) == int(np.ceil(((1.959964 + 1.281552) * spread / 0.5) ** 2))
    assert clusters_to_exclude(found, 0.0, 0.025) is None, "no number excludes a loss of nothing"
    never = difference(np.zeros(10), clips(10), 0.025, share=True)
    assert clusters_to_exclude(never, 0.1, 0.025, share=True) == 36, "ln 0.025 / ln 0.9 = 35.01"
    assert unseen_share(36, 0.025) <= 0.1 < unseen_share(35, 0.025)


def test_the_family_is_shared_out():
    assert bonferroni(0.001, 4) == 0.00025
    assert bonferroni(0.001, 0) == 0.001


def test_same_seed_same_bounds(rng):
    values = rng.normal(size=60)
    assert difference(values, clips(60), 0.01, seed=3) == difference(values, clips(60), 0.01, seed=3)


@pytest.mark.parametrize("kind", ["normal", "heavy tails", "rare events"])
def test_what_is_the_same_is_rarely_called_worse(kind):
    """One-sided at 2 %: of 100 comparisons of equals no more are called worse than chance allows (99.9 %: 7)."""
    rng = np.random.default_rng(7)
    draw = {
        "normal": lambda: rng.normal(size=40),
        "heavy tails": lambda: rng.standard_t(2, size=40),
        "rare events": lambda: rng.choice([-1.0, 0.0, 1.0], p=[0.05, 0.9, 0.05], size=40),
    }[kind]
    called = sum(difference(draw(), clips(40), 0.02, kind == "rare events", seed=i).low > 0 for i in range(100))
    assert called <= 7
