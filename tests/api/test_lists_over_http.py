from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from data.errors import ArtefactError, NotAnalysedError, NotReadyError
from ranker.config import RerankSettings


def test_recommendations_carry_metadata_score_sources_reason_and_version(client, world):
    response = client.get("/v1/users/ada/recommendations?n=2")
    body = response.get_json()
    assert response.status_code == 200
    assert [item["track_id"] for item in body["items"]] == ["track 1", "track 2"]
    assert body["items"][0] == {
        "track_id": "track 1",
        "score": 3.0,
        "sources": ["collaborative", "audio"],
        "reason": "fits your evenings",
        "title": "Slow Meridian",
        "artist": "The Paper Kites Club",
        "album": "Atlas of Small Hours",
        "duration": 171.0 + 13,
        "explanation": None,
    }
    assert body["model_version"] == world.live.recommender.version
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert body["fallback"] is False


def test_listened_tracks_return_on_request(client):
    body = client.get("/v1/users/ada/recommendations?exclude_listened=false").get_json()
    assert body["items"][0]["track_id"] == "track 0"


def test_unknown_listener_gets_a_flagged_fallback(client):
    response = client.get("/v1/users/nobody/recommendations")
    assert (response.status_code, response.get_json()["fallback"]) == (200, True)


def test_a_list_longer_than_the_catalogue_is_shorter(client, world):
    items = client.get("/v1/users/nobody/recommendations?n=200").get_json()["items"]
    assert len(items) == len(world.store.by_id)


def test_a_seed_that_was_not_analysed_is_409(client, world, monkeypatch):
    def not_analysed(track_id, n=20, **_):
        raise NotAnalysedError("run `recsys embed`")

    monkeypatch.setattr(world.live.recommender, "similar", not_analysed)
    answer = client.get("/v1/tracks/t1/similar")
    assert answer.status_code == 409
    assert answer.mimetype == "application/problem+json"
    assert "recsys embed" in answer.json["detail"]


def test_dials_of_a_request_stand_over_those_of_the_service(client, world):
    query = "popularity=-0.5&max_per_artist=2&new_tracks=0.1"
    assert client.get(f"/v1/users/ada/recommendations?{query}").status_code == 200
    (asked,) = world.live.recommender.asked
    assert asked == RerankSettings(
        popularity=-0.5, max_per_artist=2, new_tracks=0.1, diversity=0.25
    )


def test_the_next_page_begins_where_the_first_ends(client):
    def page(query):
        items = client.get(f"/v1/users/nobody/recommendations?{query}").get_json()["items"]
        return [item["track_id"] for item in items]

    assert page("n=2") + page("n=2&offset=2") == page("n=4")


@pytest.mark.parametrize(
    "query", ["offset=-1", "popularity=1.1", "diversity=-0.1", "max_per_artist=-1", "new_tracks=2"]
)
def test_a_dial_outside_its_range_is_refused_by_name(client, query):
    answer = client.get(f"/v1/users/ada/recommendations?{query}")
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == query.split("=")[0]


def test_similar_leaves_the_seed_out(client):
    items = client.get("/v1/tracks/track%200/similar?n=3").get_json()["items"]
    assert [item["track_id"] for item in items] == ["track 1", "track 2", "track 3"]


def test_a_withdrawn_track_does_not_leak(client, world):
    world.store.withdrawn.add("track 2")
    items = client.get("/v1/users/nobody/recommendations").get_json()["items"]
    assert "track 2" not in [item["track_id"] for item in items]
    assert client.get("/v1/tracks/track%202").status_code == 404


def test_a_score_that_does_not_exist_is_null(client, world, monkeypatch):
    recommender = world.live.recommender
    found = recommender.recommend("ada", 1)
    unscored = type(found)(
        (type(found.items[0])("track 1", float("nan"), (), ""),), found.model_version
    )
    monkeypatch.setattr(recommender, "recommend", lambda *_, **__: unscored, raising=False)
    assert client.get("/v1/users/ada/recommendations").get_json()["items"][0]["score"] is None


@pytest.mark.parametrize("n", ["0", "201", "-1", "many", ""])
@pytest.mark.parametrize("path", ["/v1/users/ada/recommendations", "/v1/tracks/track%200/similar"])
def test_n_outside_1_to_200_is_refused_by_name(client, path, n):
    response = client.get(f"{path}?n={n}")
    assert response.status_code == 422
    assert [error["field"] for error in response.get_json()["errors"]] == ["n"]


def test_a_misspelt_parameter_is_refused(client):
    response = client.get("/v1/users/ada/recommendations?limit=3")
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["field"] == "limit"


@pytest.mark.parametrize(
    "track_id", ["a/b", "a%2Fb", "a/similar", "50% + 1?#&", "日本", "..", "//"]
)
def test_any_id_works_percent_encoded(client, world, track_id):
    world.store.by_id[track_id] = type(world.store.by_id["track 0"])(track_id)
    path = f"/v1/tracks/{quote(track_id, safe='')}"
    assert client.get(path).get_json()["track_id"] == track_id
    similar = client.get(f"{path}/similar?n=200").get_json()["items"]
    assert track_id not in [item["track_id"] for item in similar]
    assert len(similar) == len(world.store.by_id) - 1


@pytest.mark.parametrize("segment", ["a%00b", "x" * 513])
def test_an_impossible_id_is_refused(client, segment):
    assert client.get(f"/v1/users/{segment}/recommendations").status_code == 422


def test_a_track_shows_its_tags_but_not_its_path(client):
    body = client.get("/v1/tracks/track%200").get_json()
    assert (body["title"], body["artist"]) == ("Harbour Lights", "Mira Okafor")
    assert "path" not in body


def test_readiness_follows_the_model(client, world):
    assert client.get("/health/ready").get_json() == {
        "status": "ready",
        "model_version": world.live.recommender.version,
    }
    world.live.error = NotReadyError("nothing has been published: run `recsys train`")
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "30"
    assert response.get_json()["detail"] == "nothing has been published: run `recsys train`"
    assert client.get("/health/live").get_json() == {"status": "alive"}


def test_a_damaged_model_is_unavailable_without_naming_files(client, world):
    world.live.error = ArtefactError("/secret/place/ranker.txt is damaged")
    response = client.get("/v1/users/ada/recommendations")
    assert response.status_code == 503
    assert "secret" not in response.get_data(as_text=True)


def test_metrics_count_requests_by_route_and_name_the_bundle(client, world):
    client.get("/v1/users/ada/recommendations")
    client.get("/v1/users/bob/recommendations?n=0")
    first, second = "20260101T000000Z-1", "20260102T000000Z-1"
    for version, seconds in ((first, 1e9), (second, 2e9)):
        world.services.metrics.serving(version, datetime.fromtimestamp(seconds, UTC))
    text = client.get("/metrics").get_data(as_text=True)
    route = 'route="/v1/users/<id:user_id>/recommendations"'
    assert f'recsys_http_request_seconds_count{{method="GET",{route},status="200"}} 1.0' in text
    assert f'recsys_http_request_seconds_count{{method="GET",{route},status="422"}} 1.0' in text
    assert f'recsys_bundle_info{{version="{second}"}} 1.0' in text
    assert f'recsys_bundle_info{{version="{first}"}} 0.0' in text
    assert "recsys_bundle_created_timestamp_seconds 2e+09" in text
    assert "ada" not in text
