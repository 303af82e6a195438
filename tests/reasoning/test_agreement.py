import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.reasoning.agreement import cohens_kappa, component_agreement, decision_agreement, pairs_of
from causeway.reasoning.answers import Answer
from causeway.reasoning.records import CocRecord, Component

CAR, BUS = (Component("critical_object", kind, kind, "in_path") for kind in ("car", "bus"))


def answer(who: str, moment_id: str = "m", **fields: object) -> Answer:
    said = {"lon": "yield", "lat": "none", "role": "first", "seen": (), "state": "accepted", "since_us": 1} | fields
    record = CocRecord(str(said["lon"]), str(said["lat"]))
    return Answer(moment_id, who, 9, said["since_us"], said["state"], said["role"], record, said["seen"])  # type: ignore[arg-type]


def test_kappa_of_the_textbook() -> None:
    # 50 proposals: 20 both yes, 5 and 10 mixed, 15 both no: p_o = 0.7, p_e = 0.5, kappa = 0.4
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohens_kappa(first, second) == pytest.approx(0.4)


def test_kappa_at_its_ends() -> None:
    assert cohens_kappa(["a", "b"], ["a", "b"]) == 1.0
    assert cohens_kappa(["a", "b"], ["b", "a"]) == -1.0
    assert cohens_kappa(["a", "a"], ["a", "a"]) is None  # nobody had a choice
    assert cohens_kappa([], []) is None
    assert cohens_kappa(["a"], ["b"]) == 0.0  # each knows one name, another one: no better than chance


def test_one_pair_has_a_figure_and_no_interval() -> None:
    found = decision_agreement([(answer("ann"), answer("bob", lon="none"))], 0)
    assert (found.value, found.low, found.high, found.n, found.raw) == (0.0, None, None, 1, 0.0)
    nobody = component_agreement([])
    assert (nobody.value, nobody.low, nobody.n, nobody.raw) == (None, None, 0, None)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=30))
def test_kappa_is_symmetric_and_at_most_one(pairs: list[tuple[str, str]]) -> None:
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    value = cohens_kappa(one, other)
    mirrored = cohens_kappa(other, one)
    assert (value is None) == (mirrored is None)
    if value is not None and mirrored is not None:
        assert value == pytest.approx(mirrored)
        assert value <= 1.0
        assert (value == pytest.approx(1.0)) == (one == other)


def test_pairs_are_two_blind_answers_to_one_moment() -> None:
    given_ = [
        answer("ann"), answer("bob", role="audit"), answer("cid", role="final"),
        answer("ann", "alone"), answer("ann", "dark", state="excluded"), answer("bob", "dark", role="audit"),
    ]  # fmt: skip
    assert [(a.who, b.who, a.moment_id) for a, b in pairs_of(given_)] == [("ann", "bob", "m")]


def test_two_first_looks_at_once_are_a_pair_too() -> None:
    assert [(a.who, b.who) for a, b in pairs_of([answer("zoe", since_us=1), answer("ann", since_us=2)])] == [
        ("zoe", "ann")
    ]


def test_components_count_once_for_both() -> None:
    pairs = [
        (answer("ann", seen=(CAR, BUS)), answer("bob", seen=(CAR,))),
        (answer("ann", seen=()), answer("bob", seen=())),
    ]
    found = component_agreement(pairs)
    assert found.value == pytest.approx(2 * 1 / (2 + 1))
    assert (found.n, found.raw) == (2, 0.5)
    assert found.low is not None
    assert found.low <= found.value <= found.high


def test_the_place_counts_where_there_is_no_id() -> None:
    left, right = (Component("lane", "lane_end", None, side) for side in ("left", "right"))
    assert component_agreement([(answer("ann", seen=(left,)), answer("bob", seen=(right,)))]).value == 0.0
    moved = Component("critical_object", "car", "car", "left")
    assert component_agreement([(answer("ann", seen=(CAR,)), answer("bob", seen=(moved,)))]).value == 1.0


def test_the_interval_is_of_the_moments_and_the_same_each_time() -> None:
    rng = np.random.default_rng(7)
    names = np.array(["yield", "lead_following", "none"])
    pairs = [
        (answer("ann", lon=a), answer("bob", lon=a if same else b))
        for a, b, same in zip(rng.choice(names, 60), rng.choice(names, 60), rng.random(60) < 0.7, strict=True)
    ]
    found = decision_agreement(pairs, 0)
    assert found == decision_agreement(pairs, 0)
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.6
    assert decision_agreement(pairs, 1).value is None  # all of them say none
    assert decision_agreement([], 0).n == 0
