from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.tracks import Track
from recsys.files import write_atomically
from recsys.trial import TRIAL, Trial, write_trial
from tests.api.kept import keep


@pytest.fixture
def kept(tmp_path: Path):
    found = keep(tmp_path)
    found.store.upsert_tracks([Track("t1", duration=200.0), Track("t2"), Track("t3")])
    yield found
    found.store.close()


def post(kept, *events):
    return kept.client.post("/v1/events", json={"events": list(events)})


def event(event_id, kind="play", at=100.0, **changes):
    sent = {"event_id": event_id, "user_id": "ada", "track_id": "t1", "kind": kind}
    return {**sent, "timestamp": at, **changes}


# Profile


def test_a_profile_is_written_read_and_replaced(kept):
    first = kept.put("/v1/users/a%2Fb", display_name="Zoë", locale="de-CH", attributes={"n": [1]})
    assert first.status_code == 201
    body = kept.client.get("/v1/users/a%2Fb").get_json()
    assert body["user_id"] == "a/b"
    assert (body["display_name"], body["locale"]) == ("Zoë", "de-CH")
    assert body["attributes"] == {"n": [1]}
    assert (body["n_events"], body["first_event_at"]) == ({}, None)
    second = kept.put("/v1/users/a%2Fb", locale="fr")
    assert second.status_code == 200
    assert second.get_json()["display_name"] is None
    assert second.get_json()["attributes"] == {}


def test_a_listener_of_whom_only_events_are_known_has_counts(kept):
    post(kept, event("e1"), event("e2", "like", 300.0, track_id="t2"))
    body = kept.client.get("/v1/users/ada").get_json()
    assert body["n_events"] == {"play": 1, "like": 1}
    assert (body["n_tracks"], body["first_event_at"], body["last_event_at"]) == (2, 100.0, 300.0)
    assert (body["display_name"], body["updated_at"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"display_name": ""}, "display_name"),
        ({"display_name": "x" * 501}, "display_name"),
        ({"display_name": "a\0b"}, "display_name"),
        ({"locale": "not a locale"}, "locale"),
        ({"attributes": []}, "attributes"),
        ({"attributes": {"x": "y" * 20_000}}, "attributes"),
        ({"attributes": {"x": float("nan")}}, "attributes"),
        ({"email": "a@b"}, "email"),
    ],
)
def test_a_malformed_profile_is_refused_by_field(kept, body, field):
    response = kept.put("/v1/users/ada", **body)
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["field"].split(".")[0] == field
    assert kept.client.get("/v1/users/ada").status_code == 404


def test_a_form_of_another_site_cannot_write_a_profile(kept):
    response = kept.client.put("/v1/users/ada", data="{}", content_type="text/plain")
    assert response.status_code == 415


@pytest.mark.parametrize("path", ["", "/events", "/export"])
def test_a_listener_nobody_knows_is_not_found(kept, path):
    response = kept.client.get(f"/v1/users/nobody{path}")
    assert response.status_code == 404
    assert response.get_json()["type"] == "urn:recsys:problem:not-found"


# Who there is


def test_listeners_are_listed_a_page_at_a_time_with_what_they_played(kept):
    kept.put("/v1/users/zoe", display_name="Ada L.")
    post(kept, *[event(f"e{n}", user_id=f"a{n}", at=float(n)) for n in range(4)])
    post(kept, event("l", "like", 50.0, user_id="a3"))
    found, cursor = [], ""
    while cursor is not None:
        query = f"?limit=2&query=A{cursor and '&cursor=' + cursor}"
        page = kept.client.get(f"/v1/users{query}").get_json()
        assert len(page["items"]) <= 2
        found += page["items"]
        cursor = page["next"]
    assert [one["user_id"] for one in found] == ["a0", "a1", "a2", "a3", "zoe"]
    assert found[3] == {"user_id": "a3", "display_name": None, "plays": 1, "last_event_at": 50.0}
    assert found[4]["display_name"] == "Ada L."
    assert len(kept.client.get("/v1/users").get_json()["items"]) == 5


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "query=", "query=a%00", "cursor=x", "cursor=e30", "page=2"]
)
def test_a_malformed_query_of_listeners_is_refused(kept, query):
    assert kept.client.get(f"/v1/users?{query}").status_code == 422


# Events


def test_ms_played_becomes_the_share_of_the_duration_that_is_known(kept):
    post(
        kept,
        event("e1", ms_played=50_000),
        event("e2", ms_played=50_000, track_id="t2", at=99.0),
        event("e3", at=98.0, play_ratio=0.4),
    )
    items = kept.client.get("/v1/users/ada/events").get_json()["items"]
    assert [item["play_ratio"] for item in items] == [0.25, None, 0.4]


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "skip", "ms_played": 5},
        {"play_ratio": 0.5, "ms_played": 5},
        {"ms_played": -1},
        {"kind": "impression"},
        {"kind": "impression", "request_id": ""},
    ],
)
def test_events_whose_fields_do_not_fit_are_refused(kept, changes):
    assert post(kept, {**event("e1"), **changes}).status_code == 422
    assert kept.store.n_events() == 0


def test_impressions_keep_their_request_and_are_no_plays(kept):
    post(kept, event("e1", "impression", request_id="r-1"))
    (item,) = kept.client.get("/v1/users/ada/events").get_json()["items"]
    assert (item["kind"], item["request_id"]) == ("impression", "r-1")
    assert kept.client.get("/v1/tracks/t1/listeners").get_json()["plays"] == 0


def test_pages_of_events_go_from_the_newest_to_the_oldest(kept):
    post(kept, *[event(f"e{n}", "like" if n % 3 == 0 else "play", 10.0 * n) for n in range(10)])
    found, cursor = [], ""
    while cursor is not None:
        query = f"?limit=4{cursor and '&cursor=' + cursor}"
        page = kept.client.get(f"/v1/users/ada/events{query}").get_json()
        found += [item["event_id"] for item in page["items"]]
        cursor = page["next"]
    assert found == [f"e{n}" for n in range(9, -1, -1)]
    likes = kept.client.get("/v1/users/ada/events?kinds=like,hide").get_json()["items"]
    assert [item["event_id"] for item in likes] == ["e9", "e6", "e3", "e0"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "kinds=love", "kinds=", "cursor=x", "cursor=e30", "page=2"]
)
def test_a_malformed_query_of_events_is_refused(kept, query):
    post(kept, event("e1"))
    expected = 200 if query == "kinds=" else 422
    assert kept.client.get(f"/v1/users/ada/events?{query}").status_code == expected


def test_events_are_deleted_one_or_all(kept):
    post(kept, event("e1"), event("e2", at=200.0), event("f1", user_id="ben"))
    path = "/v1/users/ada/events"
    assert kept.client.delete(f"{path}?event_id=f1").get_json()["deleted"] == 0
    assert kept.client.delete(f"{path}?event_id=e1").get_json()["deleted"] == 1
    assert kept.client.delete(path).get_json()["deleted"] == 1
    assert kept.client.get(path).get_json()["items"] == []
    assert kept.store.n_events() == 1


# Export and erasure


def test_an_export_holds_everything_as_json_lines(kept):
    kept.put("/v1/users/ada", display_name="Ada", attributes={"x": 1})
    post(kept, *[event(f"e{n}", at=float(n)) for n in range(1500)])
    response = kept.client.get("/v1/users/ada/export")
    assert response.mimetype == "application/x-ndjson"
    lines = [json.loads(line) for line in response.get_data(as_text=True).splitlines()]
    assert lines[0]["type"] == "listener"
    assert (lines[0]["display_name"], lines[0]["attributes"]) == ("Ada", {"x": 1})
    assert [line["event_id"] for line in lines[1:]] == [f"e{n}" for n in range(1499, -1, -1)]
    assert {line["type"] for line in lines[1:]} == {"event"}


def test_an_erased_listener_leaves_no_trace_in_the_workspace(kept):
    secret = "ada-lovelace-1815"
    for version in ("v1", ".half-written"):
        (kept.workspace.models / version).mkdir(parents=True)
        values = {"all": {secret: 0.5, "ben": 0.25}, "cold": {secret: 0.1}}
        write_trial(
            kept.workspace.models / version,
            Trial(protocol="random", cut=None, end=None, seed=0, ndcg=values),
        )
    write_atomically(kept.workspace.models / "v2" / TRIAL, "damaged")
    kept.put(f"/v1/users/{secret}", display_name="Countess of Lovelace")
    post(kept, event("e1", user_id=secret), event("f1", user_id="ben"))
    response = kept.client.delete(f"/v1/users/{secret}")
    assert response.get_json()["erased_events"] == 1
    assert kept.client.get(f"/v1/users/{secret}").status_code == 404
    trial = json.loads((kept.workspace.models / "v1" / TRIAL).read_text())
    assert trial["ndcg"] == {"all": {"ben": 0.25}, "cold": {}}
    kept.store.close()
    for file in kept.workspace.home.rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file
            assert b"Countess" not in file.read_bytes(), file


def test_events_of_the_erased_are_acknowledged_and_not_stored(kept):
    post(kept, event("e1"))
    kept.client.delete("/v1/users/ada")
    body = post(kept, event("e1"), event("e2"), event("f1", user_id="ben")).get_json()
    assert (body["added"], body["erased"], body["duplicates"]) == (1, 2, 0)
    assert kept.client.get("/v1/users/ada").status_code == 404
    assert kept.client.delete("/v1/users/ada").status_code == 200


def test_a_profile_lets_the_erased_come_back_without_their_past(kept):
    kept.client.delete("/v1/users/ada")
    assert kept.put("/v1/users/ada", display_name="Ada").status_code == 201
    body = post(kept, event("e1"), {**event("e2"), "timestamp": None}).get_json()
    assert (body["added"], body["erased"]) == (1, 1)
