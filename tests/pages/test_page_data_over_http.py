from __future__ import annotations

import base64

import numpy as np
import pytest
from flask.testing import FlaskClient

from api.app import create_app
from recsys.workspace import Workspace
from tests.pages.conftest import NAUGHTY, World


@pytest.fixture(scope="module")
def client(world: World) -> FlaskClient:
    return create_app(world.home).test_client()


def column(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


def test_the_map_has_a_place_a_genre_and_an_artist_for_every_track(client: FlaskClient) -> None:
    found = client.get("/v1/map").json
    n = len(found["track_ids"])
    assert n == 24
    assert set(found["views"]) == {"pca", "tsne"}
    for points in found["views"].values():
        assert column(points, "<u2").shape == (2 * n,)
        assert column(points, "<u2").max() == found["grid"]
    assert NAUGHTY in found["genres"]
    assert (column(found["genre"], "<i4") == found["genres"].index(NAUGHTY)).sum() == 1
    assert len(set(column(found["artist"], "<i4").tolist())) == 9
    assert column(found["listeners"], "<i4").shape == (n,)


def test_a_withdrawn_track_leaves_the_map_at_once(client: FlaskClient, world: World) -> None:
    assert client.delete(f"/v1/tracks/{world.naughty}").status_code == 204
    try:
        assert world.naughty not in client.get("/v1/map").json["track_ids"]
    finally:
        client.patch(f"/v1/tracks/{world.naughty}", json={"withdrawn": False})
    assert world.naughty in client.get("/v1/map").json["track_ids"]


def test_the_library_counts_what_was_analysed_and_names_what_was_not(client: FlaskClient) -> None:
    found = client.get("/v1/library").json
    assert (found["tracks"], found["with_audio"], found["analysed"]) == (24, 24, 24)
    assert found["remaining"] == 0
    assert found["model"]["version"] == client.get("/health/ready").json["model_version"]
    (problems,) = found["problems"]
    assert problems["step"] == "library add"
    assert problems["total"] == 1
    assert problems["rows"][0]["where"].endswith("broken.flac")


def test_audio_that_the_service_cannot_analyse_is_in_the_library_with_its_reason(
    client: FlaskClient, world: World
) -> None:
    with Workspace.open(world.home).open_store() as store:
        store.analyses.request(world.naughty)
        job = store.analyses.next()
        assert job is not None
        store.analyses.finish(job, failure="no music in it")
        try:
            found = client.get("/v1/library").json
        finally:
            store.analyses.cancel(world.naughty)
    assert found["failed"] == 1
    assert found["problems"][0] == {
        "step": "the service",
        "total": 1,
        "rows": [{"where": world.naughty, "reason": "no music in it"}],
    }


def test_models_say_how_well_they_did(client: FlaskClient) -> None:
    for model in client.get("/v1/models").json["items"]:
        assert 0 <= model["ndcg"]["all"] <= 1


def test_a_playlist_locates_tracks_here_and_leaves_unknown_ones_out(
    client: FlaskClient, world: World
) -> None:
    wanted = {"format": "jspf", "track_ids": ["ghost", world.naughty]}
    answer = client.post("/v1/playlists/export", json=wanted)
    assert answer.mimetype == "application/jspf+json"
    assert "attachment" in answer.headers["Content-Disposition"]
    (track,) = answer.get_json(force=True)["playlist"]["track"]
    assert track["title"] == NAUGHTY
    with client.get(track["location"][0].removeprefix("http://localhost")) as audio:
        assert audio.status_code == 200


@pytest.mark.parametrize(
    "body", [{}, {"format": "pls", "track_ids": ["a"]}, {"format": "xspf", "track_ids": []}]
)
def test_a_playlist_that_is_not_one_is_refused(
    client: FlaskClient, body: dict[str, object]
) -> None:
    assert client.post("/v1/playlists/export", json=body).status_code == 422


@pytest.mark.parametrize(
    "path", ["/", "/for-you", "/map", "/track", "/artist", "/quality", "/library"]
)
def test_a_view_is_one_page_with_a_policy_and_no_inline_code(
    client: FlaskClient, path: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text
