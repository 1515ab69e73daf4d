from __future__ import annotations

import time

import pytest

from data.events import Event, EventKind


def post(client, *events):
    return client.post("/v1/events", json={"events": list(events)})


def event(**changes):
    return {"user_id": "ada", "track_id": "track 3", "kind": "play", **changes}


def test_events_are_stored_as_sent(client, world):
    sent = event(event_id="e1", timestamp=1.7e9, play_ratio=0.4)
    body = post(client, sent).get_json()
    assert (body["added"], body["duplicates"], body["generated_ids"]) == (1, 0, 0)
    assert world.store.events["e1"] == Event("e1", "ada", "track 3", EventKind.PLAY, 1.7e9, 0.4)


def test_the_same_event_id_is_stored_once(client, world):
    post(client, event(event_id="e1"))
    body = post(client, event(event_id="e1"), event(event_id="e2")).get_json()
    assert (body["added"], body["duplicates"]) == (1, 1)
    assert sorted(world.store.events) == ["e0", "e1", "e2"]


def test_an_event_without_id_and_time_gets_both(client, world):
    before = time.time()
    body = post(client, event(), event()).get_json()
    assert (body["added"], body["generated_ids"]) == (2, 2)
    stored = [e for e in world.store.events.values() if e.event_id != "e0"]
    assert all(before <= e.timestamp <= time.time() for e in stored)


def test_a_skip_changes_the_next_list(client):
    def first():
        return client.get("/v1/users/ada/recommendations").get_json()["items"][0]["track_id"]

    assert first() == "track 1"
    post(client, event(track_id="track 1", kind="skip"))
    assert first() == "track 2"


def test_an_unknown_track_refuses_the_batch_and_is_located(client, world):
    response = post(client, event(), event(track_id="ghost"), event(), event(track_id="wraith"))
    body = response.get_json()
    assert response.status_code == 422
    assert body["type"] == "urn:recsys:problem:unknown-track"
    assert [e["field"] for e in body["errors"]] == ["events.1.track_id", "events.3.track_id"]
    assert list(world.store.events) == ["e0"]


def test_a_withdrawn_track_may_be_played_to_its_end(client, world):
    world.store.withdrawn.add("track 3")
    assert post(client, event()).get_json()["added"] == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "love"}, "events.0.kind"),
        ({"user_id": ""}, "events.0.user_id"),
        ({"user_id": "a\0b"}, "events.0.user_id"),
        ({"user_id": "\ud800"}, "events.0.user_id"),
        ({"user_id": 7}, "events.0.user_id"),
        ({"track_id": None}, "events.0.track_id"),
        ({"event_id": "x" * 513}, "events.0.event_id"),
        ({"timestamp": -1}, "events.0.timestamp"),
        ({"timestamp": float("nan")}, "events.0.timestamp"),
        ({"timestamp": 1.7e12}, "events.0.timestamp"),
        ({"play_ratio": -0.1}, "events.0.play_ratio"),
        ({"play_ratio": float("inf")}, "events.0.play_ratio"),
        ({"kind": "skip", "play_ratio": 0.1}, "events.0"),
        ({"rating": 5}, "events.0.rating"),
    ],
)
def test_a_malformed_event_is_refused_by_field(client, world, change, field):
    response = post(client, event(**change))
    assert response.status_code == 422
    assert [e["field"] for e in response.get_json()["errors"]] == [field]
    assert list(world.store.events) == ["e0"]


def test_ten_thousand_events_fit_and_one_more_does_not(client):
    many = [event() for _ in range(10_000)]
    assert post(client, *many).get_json()["added"] == 10_000
    assert post(client, *many, event()).status_code == 422


def test_an_empty_batch_is_refused(client):
    assert post(client).status_code == 422


def test_ten_thousand_mistakes_make_a_short_answer(client):
    body = post(client, *[event(kind="?") for _ in range(10_000)]).get_json()
    assert len(body["errors"]) == 100
    assert "9999 more" in body["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"\xff\xfe", b"[" * 100_000, b"9" * 5000])
def test_a_body_that_is_not_json_is_400_or_422(client, body):
    response = client.post("/v1/events", data=body, content_type="application/json")
    assert response.status_code in (400, 422)
    assert response.mimetype == "application/problem+json"


def test_a_form_from_another_site_cannot_post_events(client, world):
    response = client.post(
        "/v1/events", data='{"events": []}', headers={"Content-Type": "text/plain"}
    )
    assert response.status_code == 415
    assert list(world.store.events) == ["e0"]


def test_a_huge_body_is_refused(client):
    response = client.post("/v1/events", data=b" " * 9 * 2**20, content_type="application/json")
    assert response.status_code == 413
    assert response.mimetype == "application/problem+json"


def test_acknowledged_events_are_counted(client):
    post(client, event(event_id="e1"), event(event_id="e1"))
    text = client.get("/metrics").get_data(as_text=True)
    assert 'recsys_events_total{outcome="added"} 1.0' in text
    assert 'recsys_events_total{outcome="duplicate"} 1.0' in text
