"""What the review page tells whom: nothing of the future before the causes are stored, nothing of others ever."""

import os
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.platform.review.conftest import HTML, Page, lines

CAR = {"category": "critical_object", "kind": "car", "track_id": "7", "relative_pose": "in_path", "motion": "slowing"}
DECISION = {"longitudinal_decision": "lead_following", "lateral_decision": "none", "components": [CAR]}


def opened(client: TestClient) -> str:
    return str(client.post("/api/next", json={}).json()["key"])


def decide(client: TestClient, **fields: Any) -> dict[str, Any]:
    key = opened(client)
    if client.get(f"/api/moments/{key}").json()["named"] is None:
        assert client.post(f"/api/moments/{key}/causes", json={"components": [CAR]}).status_code == 200
    answer = client.post(f"/api/moments/{key}/decision", json=DECISION | fields)
    assert answer.status_code == 200, answer.text
    return {**answer.json(), "key": key}


def test_nothing_after_t0_and_nothing_of_the_label_leaves_before_the_causes_are_stored(page: Page) -> None:
    ann = page.person("ann")
    key = opened(ann)
    shown = ann.get(f"/api/moments/{key}")
    past = shown.json()["past"]
    assert max(past["t"]) == 0
    assert min(past["t"]) == -2_000_000
    assert all(t <= 0 for times in past["frames"].values() for t in times)
    assert len(past["boxes"]) == len(past["lights"]) == len(past["ego"]) == len(past["t"]) == 21
    words = shown.text
    assert "slow_for_lead" not in words
    assert "lead_following" not in words
    assert page.desk.tasks[key].moment_id not in words
    assert ann.get(f"/api/moments/{key}/rest").status_code == 403
    assert ann.get(f"/frames/{key}/0/1").status_code == 403
    assert ann.post(f"/api/moments/{key}/decision", json=DECISION).status_code == 409


def test_after_the_causes_the_rest_and_the_label_are_shown(page: Page) -> None:
    ann = page.person("ann")
    key = opened(ann)
    rest = ann.post(f"/api/moments/{key}/causes", json={"components": [CAR]}).json()
    assert (min(rest["rest"]["t"]), max(rest["rest"]["t"])) == (100_000, 6_400_000)
    assert rest["label"]["longitudinal_decision"] == "lead_following"
    at_us = rest["rest"]["frames"]["front"][0]
    picture = ann.get(f"/frames/{key}/0/{at_us}")
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content[:2] == b"\xff\xd8"
    assert ann.get(f"/api/moments/{key}/rest").json()["rest"] == rest["rest"]


def test_causes_are_named_once(page: Page) -> None:
    ann = page.person("ann")
    key = opened(ann)
    ann.post(f"/api/moments/{key}/causes", json={"components": []})
    assert ann.post(f"/api/moments/{key}/causes", json={"components": [CAR]}).status_code == 409


def test_the_seconds_of_observation_come_from_the_window(page: Page) -> None:
    ann = page.person("ann")
    decide(ann)
    stored = next(row for row in lines(page.folder) if row["state"] == "accepted")
    t0_us = next(task.t0_us for task in page.desk.tasks.values() if task.moment_id == stored["moment_id"])
    component = stored["components"][0]
    assert (component["observed_from_us"], component["observed_to_us"]) == (t0_us - 2_000_000, t0_us)
    assert (stored["who"], stored["role"]) == ("ann", "first")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"kind": "dragon"}, "closed sets"),
        ({"track_id": "ghost"}, "no such thing was seen"),
        ({"relative_pose": "above"}, "closed sets"),
        ({"motion": HTML}, "closed sets"),
        ({"category": "lane"}, "closed sets"),
        ({"rank": 1}, "Extra"),
        ({"track_id": 7}, "string"),
    ],
)
def test_a_cause_that_is_not_there_is_refused(page: Page, change: dict, text: str) -> None:
    ann = page.person("ann")
    key = opened(ann)
    answer = ann.post(f"/api/moments/{key}/causes", json={"components": [CAR | change]})
    assert answer.status_code == 422
    assert text in answer.json()["error"]
    assert lines(page.folder) == []
    assert ann.get(f"/api/moments/{key}/rest").status_code == 403


def test_a_decision_cites_what_was_named_before_the_rest_was_shown(page: Page) -> None:
    ann, stop = page.person("ann"), {"category": "yield_stop_control", "kind": "stop_line", "track_id": "stop_line"}
    key = opened(ann)
    ann.post(f"/api/moments/{key}/causes", json={"components": []})
    late = ann.post(f"/api/moments/{key}/decision", json=DECISION | {"components": [stop]})
    assert (late.status_code, "not named before" in late.json()["error"]) == (422, True)
    route = {"category": "routing_intent", "kind": "route_left"}
    said = {"longitudinal_decision": "none", "lateral_decision": "turn_left", "components": [route]}
    assert ann.post(f"/api/moments/{key}/decision", json=said).status_code == 200


def test_a_decision_without_a_cause_needs_a_note(page: Page) -> None:
    ann = page.person("ann")
    key = opened(ann)
    ann.post(f"/api/moments/{key}/causes", json={"components": []})
    bare = DECISION | {"components": []}
    assert "note" in ann.post(f"/api/moments/{key}/decision", json=bare).json()["error"]
    assert ann.post(f"/api/moments/{key}/decision", json=bare | {"note": "behind the truck"}).status_code == 200
    assert lines(page.folder)[-1]["note"] == "behind the truck"


def test_a_second_look_is_blind_to_the_first_and_to_the_label(page: Page) -> None:
    ann, bob = page.person("ann"), page.person("bob")
    key = decide(ann, note="ann was here")["key"]
    rest = bob.post(f"/api/moments/{key}/causes", json={"components": []})
    assert rest.json()["label"] is None
    for text in (bob.get(f"/api/moments/{key}").text, rest.text, bob.post("/api/next", json={}).text):
        assert "ann" not in text
        assert "lead_following" not in text
    taken = bob.post(f"/api/moments/{key}/decision", json=DECISION)
    assert taken.status_code == 422  # the label's cause was never shown, so it cannot be cited


def test_two_who_differ_are_settled_by_a_third(page: Page) -> None:
    ann, bob, cid = (page.person(name) for name in ("ann", "bob", "cid"))
    key = decide(ann)["key"]
    bob.post(f"/api/moments/{key}/causes", json={"components": [CAR]})
    other = DECISION | {"longitudinal_decision": "yield", "note": "it crosses"}
    assert bob.post(f"/api/moments/{key}/decision", json=other).json()["progress"]["settled"] == 0
    cid.post(f"/api/moments/{key}/causes", json={"components": [CAR]})
    assert cid.post(f"/api/moments/{key}/decision", json=DECISION).json()["progress"]["settled"] == 1
    assert [row["role"] for row in lines(page.folder) if row["state"] == "accepted"] == ["first", "audit", "final"]


def test_undo_takes_the_decision_back_and_keeps_the_causes(page: Page) -> None:
    ann = page.person("ann")
    key = decide(ann)["key"]
    back = ann.post("/api/undo", json={})
    assert back.json()["key"] == key
    assert opened(ann) == key
    assert [c["track_id"] for c in ann.get(f"/api/moments/{key}").json()["named"]] == ["7"]
    assert ann.post(f"/api/moments/{key}/causes", json={"components": []}).status_code == 409
    assert ann.post(f"/api/moments/{key}/decision", json=DECISION).status_code == 200
    assert [row["state"] for row in lines(page.folder)] == ["components", "accepted", "withdrawn", "accepted"]
    assert ann.post("/api/undo", json={}).status_code == 200
    assert ann.post("/api/undo", json={}).status_code == 409


def test_an_undo_that_cannot_be_stored_can_be_asked_for_again(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = page.person("ann")
    key = decide(ann)["key"]

    def full(handle: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "write", full)
        assert ann.post("/api/undo", json={}).status_code == 507
    assert ann.post("/api/undo", json={}).json()["key"] == key
    assert [row["state"] for row in lines(page.folder)] == ["components", "accepted", "withdrawn"]


def test_a_cause_is_named_and_cited_once(page: Page) -> None:
    ann = page.person("ann")
    key = opened(ann)
    twice = ann.post(f"/api/moments/{key}/causes", json={"components": [CAR, CAR]})
    assert (twice.status_code, "named twice" in twice.json()["error"]) == (422, True)
    assert ann.post(f"/api/moments/{key}/causes", json={"components": [CAR]}).status_code == 200
    said = DECISION | {"components": [CAR, CAR]}
    twice = ann.post(f"/api/moments/{key}/decision", json=said)
    assert (twice.status_code, "named twice" in twice.json()["error"]) == (422, True)
    assert len(lines(page.folder)) == 1


def test_a_moment_opened_by_one_is_offered_to_others_last(page: Page) -> None:
    ann, bob = page.person("ann"), page.person("bob")
    first = opened(ann)
    order = []
    for _ in page.desk.tasks:
        order.append(opened(bob))
        bob.post("/api/next", json={"skip": order[-1]})
    assert order[0] != first
    assert order[-1] == first


def test_what_is_skipped_comes_last(page: Page) -> None:
    ann = page.person("ann")
    first = opened(ann)
    assert ann.post("/api/next", json={"skip": first}).json()["key"] != first
    keys = [decide(ann)["key"] for _ in page.desk.tasks]
    assert keys[-1] == first
    assert opened(ann) == "None"


def test_an_excluded_moment_needs_a_reason(page: Page) -> None:
    ann = page.person("ann")
    key = opened(ann)
    ann.post(f"/api/moments/{key}/causes", json={"components": []})
    assert ann.post(f"/api/moments/{key}/decision", json={"excluded": True}).status_code == 422
    said = {"excluded": True, "note": "the camera is black"}
    assert ann.post(f"/api/moments/{key}/decision", json=said).status_code == 200
    assert lines(page.folder)[-1]["state"] == "excluded"


def test_what_cannot_be_stored_is_not_taken(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = page.person("ann")
    key = opened(ann)

    def full(handle: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "write", full)
        answer = ann.post(f"/api/moments/{key}/causes", json={"components": [CAR]})
    assert (answer.status_code, "No space left" in answer.json()["error"]) == (507, True)
    assert ann.get(f"/api/moments/{key}/rest").status_code == 403
    assert ann.post(f"/api/moments/{key}/causes", json={"components": [CAR]}).status_code == 200
    assert len(lines(page.folder)) == 1


def test_after_a_restart_everything_is_where_it_was(open_page: Any) -> None:
    page = open_page()
    ann = page.person("ann")
    done = decide(ann)["key"]
    half = opened(ann)
    ann.post(f"/api/moments/{half}/causes", json={"components": [CAR]})
    again = open_page()
    ann = again.person("ann")
    assert opened(ann) == half
    assert ann.get(f"/api/moments/{half}/rest").status_code == 200
    assert ann.post("/api/next", json={}).json()["progress"]["done"] == 1
    assert again.desk.answer("ann", done) is not None
    decide(ann)
    assert len(list(page.folder.glob("*.jsonl"))) == 2  # a file of its own for each session


def test_the_token_and_a_name_open_the_door(page: Page) -> None:
    stranger = page.stranger()
    for address in ("/api/me", "/api/names", "/api/quality", "/api/moments/x", "/frames/x/0/0"):
        assert stranger.get(address).status_code == 401, address
    assert stranger.post("/api/next", json={}).status_code == 401
    for token in ("", "wrong", page.door.token[:-1], page.door.token + "é"):
        assert stranger.post("/api/login", json={"token": token, "name": "eve"}).status_code == 401
    for name in ("", " ", "x" * 41, "a\x00b", "a\u202eb"):
        assert stranger.post("/api/login", json={"token": page.door.token, "name": name}).status_code == 422
    answer = stranger.post("/api/login", json={"token": page.door.token, "name": " Eve  E "})
    assert answer.json() == {"who": "Eve E"}
    assert all(part in answer.headers["set-cookie"] for part in ("HttpOnly", "SameSite=strict"))
    assert page.door.token not in answer.headers["set-cookie"]
    stranger.post("/api/logout", json={})
    assert stranger.get("/api/me").status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"transfer-encoding": "chunked"}, 411),  # then the length that is said means nothing
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:8790"}, 421),
        ({"origin": "http://127.0.0.1:8790", "sec-fetch-site": "same-origin"}, 200),
    ],
)
def test_only_its_own_pages_may_change_anything(page: Page, headers: dict[str, str], status: int) -> None:
    ann = page.person("ann")
    answer = ann.post("/api/next", content="{}", headers={"content-type": "application/json"} | headers)
    assert answer.status_code == status


def test_other_ways_in_are_closed(page: Page) -> None:
    ann = page.person("ann")
    assert ann.put("/api/next", json={}).status_code == 405
    assert ann.post("/api/next", json={"skip": "x" * 70_000}).status_code == 413
    assert ann.post("/api/next", content="[" * 5000, headers={"content-type": "application/json"}).status_code == 400
    for address in ("/static/../app.py", "/static/%2e%2e/app.py", "/docs", "/openapi.json"):
        assert ann.get(address).status_code == 404, address
    assert ann.get("/api/moments/nothing").status_code == 404
    for address in ("9/0", "-1/0", "0/123", "0/99999999999999999999"):
        assert ann.get(f"/frames/{opened(ann)}/{address}").status_code in (403, 404), address


def test_every_answer_says_that_only_own_scripts_run(page: Page) -> None:
    ann = page.person("ann")
    for address in ("/", "/login", "/quality", "/static/main.js", "/api/me", "/api/moments/x"):
        answer = ann.get(address)
        assert "script-src 'self'" in answer.headers["content-security-policy"], address
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    for name in ("index", "login", "quality"):
        text = (Path(__file__).parents[3] / f"causeway/platform/review/static/{name}.html").read_text()
        assert "style=" not in text
        assert "onclick" not in text


def test_the_figures_tell_sums_alone(page: Page) -> None:
    ann, bob = page.person("ann"), page.person("bob")
    key = decide(ann)["key"]
    bob.post(f"/api/moments/{key}/causes", json={"components": [CAR]})
    assert bob.get("/api/quality").json()["people"]["longitudinal"]["n"] == 0
    bob.post(f"/api/moments/{key}/decision", json=DECISION)
    figures = bob.get("/api/quality").json()
    assert figures["people"]["components"] == {"value": 1.0, "low": None, "high": None, "n": 1, "raw": 1.0}
    assert figures["labels"]["longitudinal"]["raw"] == 1.0
    assert figures["outcomes"][-1] == {
        "scenario": "all", "queued": 10, "waiting": 9, "kept": 1, "changed": 0, "excluded": 0, "disputed": 0
    }  # fmt: skip
    assert [(row["who"], row["first"], row["audit"]) for row in figures["reviewers"]] == [("ann", 1, 0), ("bob", 0, 1)]
