"""Lists, seeds, paths and radio over HTTP, from a real bundle, with sounds that are kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from api.app import build_app
from api.decoding import UploadDecoder
from api.pictures import spectrogram_png
from api.services import Services
from data.errors import NotFoundError, ParameterError
from recsys.recommender import Recommender
from recsys.sounds import SentSound, SentSounds
from recsys.workspace import Workspace
from tests.api.conftest import FLAC, FakeAnalysis, FakeLive
from tests.recsys import bigger

COLUMNS = 40


class SoundPool:
    """Pool to which every file is the sound of one track."""

    def __init__(self, encoder_dir: Path) -> None:
        self.vector = bigger.vectors()[14]

    def analyse(self, path: Path, timeout: float | None = None) -> FakeAnalysis:
        ramp = np.tile(np.linspace(0, 255, COLUMNS).astype(np.uint8), (16, 1))
        return FakeAnalysis(self.vector, 12.5, ramp)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    home = tmp_path_factory.mktemp("asking")
    workspace = Workspace.open(home)
    store = workspace.open_store()
    bigger.fill(store)
    recommender = _WithEncoder(bigger.bundle(home / "bundle"), store)
    services = Services(
        store,
        FakeLive(recommender),
        UploadDecoder(SoundPool, 2),
        max_upload_bytes=2**20,
        workspace=workspace,
    )
    with build_app(services).test_client() as client:
        yield client
    store.close()


class _WithEncoder(Recommender):
    """Recommender whose bundle names an encoder without holding it."""

    @property
    def encoder_dir(self) -> Path:
        return Path("nowhere")


def ids(body: dict) -> list[str]:
    return [item["track_id"] for item in body["items"]]


def kinds(body: dict) -> list[int]:
    return [bigger.sound(bigger.number(track)) for track in ids(body)]


def post(service: FlaskClient, **body):
    return service.post("/v1/recommendations", json=body)


def upload(service: FlaskClient) -> dict:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + FLAC
    kind = "multipart/form-data; boundary=x"
    return service.post("/v1/similar", data=body + b"\r\n--x--\r\n", content_type=kind).get_json()


def test_filters_are_repeated_parameters(service) -> None:
    path = "/v1/users/u01/recommendations?n=200&genre=rare&genre=DUB&exclude_ids=t017"
    found = service.get(path).get_json()["items"]
    tags = {service.get(f"/v1/tracks/{item['track_id']}").get_json()["genre"] for item in found}
    assert tags == {"Rare", "Dub"}
    assert "t017" not in {item["track_id"] for item in found}
    similar = service.get("/v1/tracks/t002/similar?year_from=2000&year_to=2000&n=5").get_json()
    assert {bigger.track(bigger.number(track)).year for track in ids(similar)} == {2000}


def test_pages_follow_next_and_never_repeat(service) -> None:
    seen, cursor = [], ""
    for _ in range(3):
        body = service.get(f"/v1/users/u02/recommendations?n=20{cursor}").get_json()
        seen += ids(body)
        cursor = f"&cursor={body['next']}"
    assert len(seen) == len(set(seen)) == 60


def test_explanations_add_up_over_http(service) -> None:
    body = service.get("/v1/users/u02/recommendations?n=5&explain=true").get_json()
    for item in body["items"]:
        told = item["explanation"]
        total = told["base"] + sum(told["contributions"].values())
        assert total == pytest.approx(told["ranker_score"], rel=1e-6)
        assert {source["name"] for source in told["sources"]} >= set(item["sources"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("mode=sleep", "mode"),
        ("year_from=late", "year_from"),
        ("genre=", "genre.0"),
        ("n=1&n=2", "n"),
        ("cursor=", "cursor"),
    ],
)
def test_what_is_outside_its_range_is_refused_by_name(service, query: str, field: str) -> None:
    answer = service.get(f"/v1/users/u02/recommendations?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.get_json()["errors"]] == [field]


@pytest.mark.parametrize("query", ["cursor=AAAA", "mode=mix&exclude_listened=true"])
def test_what_is_not_possible_is_refused_with_the_reason(service, query: str) -> None:
    answer = service.get(f"/v1/users/u02/recommendations?{query}")
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert answer.get_json()["type"] == "urn:recsys:problem:parameter"


def test_an_upload_is_a_seed_and_has_a_picture(service) -> None:
    sent = upload(service)
    assert sent["duration"] == 12.5
    assert ids(sent)[0] == "t014"
    assert len(sent["query_id"]) == 22
    body = post(service, seeds=[{"query_id": sent["query_id"]}], n=20).get_json()
    (found,) = body["lists"]
    assert found["user_id"] is None
    assert kinds(found).count(bigger.sound(14)) >= 18
    picture = service.get(sent["spectrogram_url"])
    assert (picture.status_code, picture.mimetype) == (200, "image/png")
    assert Image.open(BytesIO(picture.data)).size == (COLUMNS, 16)


def test_seeds_pull_and_push(service) -> None:
    toward = {"seeds": [{"track_id": "t003", "weight": 2}], "user_id": "u00", "n": 20}
    away = {"seeds": [{"vector": bigger.vectors()[0].tolist(), "weight": -2}], "user_id": "u00"}
    plain = kinds(service.get("/v1/users/u00/recommendations?n=60").get_json())
    pulled = kinds(post(service, **toward).get_json()["lists"][0])
    pushed = kinds(post(service, **away, n=60).get_json()["lists"][0])
    assert pulled.count(3) >= 5
    assert pushed[:20].count(0) < plain[:20].count(0)


def test_a_batch_answers_in_its_order(service) -> None:
    users = ["u03", "nobody", "u01"]
    body = post(service, users=users, n=10, explain=True).get_json()
    assert [each["user_id"] for each in body["lists"]] == users
    assert [each["fallback"] for each in body["lists"]] == [False, True, False]
    for user, each in zip(users, body["lists"], strict=True):
        alone = service.get(f"/v1/users/{user}/recommendations?n=10&explain=true").get_json()
        assert each["items"] == alone["items"]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({}, 422, "validation"),
        ({"user_id": "a", "users": ["b"]}, 422, "validation"),
        ({"users": ["a"], "cursor": "AAAA"}, 422, "validation"),
        ({"users": ["a"] * 101}, 422, "validation"),
        ({"seeds": [{"track_id": "t001"}] * 101}, 422, "validation"),
        ({"seeds": [{"track_id": "t001", "vector": [1.0]}]}, 422, "validation"),
        ({"seeds": [{"weight": 1}]}, 422, "validation"),
        ({"seeds": [{"track_id": "t001", "weight": 0}]}, 422, "validation"),
        ({"seeds": [{"track_id": "t001", "weight": 11}]}, 422, "validation"),
        ({"seeds": [{"vector": [1.0, 2.0]}]}, 422, "parameter"),
        ({"seeds": [{"vector": [0.0] * 8}]}, 422, "parameter"),
        ({"seeds": [{"track_id": "ghost"}]}, 404, "unknown-track"),
        ({"seeds": [{"query_id": "../../recsys.db"}]}, 404, "not-found"),
        ({"seeds": [{"query_id": "A" * 22}]}, 404, "not-found"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused(service, body: dict, status: int, kind: str) -> None:
    answer = post(service, **body)
    assert answer.status_code == status
    assert answer.get_json()["type"] == f"urn:recsys:problem:{kind}"


def test_a_body_of_another_type_is_refused(service) -> None:
    assert service.post("/v1/recommendations", data="{}").status_code == 415


@pytest.mark.parametrize("space", ["audio", "collaborative", "hybrid"])
def test_similar_tracks_in_every_space(service, space: str) -> None:
    body = service.get(f"/v1/tracks/t008/similar?n=20&space={space}").get_json()
    assert "t008" not in ids(body)
    assert kinds(body).count(bigger.sound(8)) >= 18


def test_a_path_has_both_ends(service) -> None:
    found = ids(service.get("/v1/paths?from=t000&to=t001&n=6").get_json())
    assert (len(set(found)), found[0], found[-1]) == (6, "t000", "t001")


@pytest.mark.parametrize(
    ("query", "status"),
    [("from=t000", 422), ("from=t000&to=ghost", 404), ("from=t000&to=t000", 422),
     ("from=t000&to=t001&n=1", 422), ("start=t000&end=t001", 422)],
)  # fmt: skip
def test_a_path_without_ends_is_refused(service, query: str, status: int) -> None:
    assert service.get(f"/v1/paths?{query}").status_code == status


def test_a_radio_goes_on_and_follows_skips(service) -> None:
    first = service.get("/v1/users/u05/radio?n=5").get_json()
    skips = [
        {"user_id": "u05", "track_id": track, "kind": "skip", "timestamp": time.time()}
        for track in ids(first)
    ]
    assert service.post("/v1/events", json={"events": skips}).status_code == 200
    second = service.get(f"/v1/users/u05/radio?n=30&cursor={first['next']}").get_json()
    assert not set(ids(first)) & set(ids(second))
    assert kinds(second)[:5] != [bigger.sound(5)] * 5
    began = service.get("/v1/users/nobody/radio?n=10&track_id=t004").get_json()
    assert kinds(began).count(4) >= 8


def test_sounds_are_forgotten_after_their_time(tmp_path: Path) -> None:
    sounds = SentSounds(tmp_path / "sounds", kept_s=0.2)
    sound = SentSound("first", np.ones(4, np.float32) / 2, np.zeros((2, 3), np.uint8))
    query_id = sounds.put(sound)
    other_process = SentSounds(tmp_path / "sounds", kept_s=0.2)
    assert other_process.vector(query_id, "first").tolist() == [0.5] * 4
    with pytest.raises(ParameterError, match="send the file again"):
        other_process.vector(query_id, "second")
    time.sleep(0.3)
    with pytest.raises(NotFoundError, match="kept for an hour"):
        sounds.get(query_id)
    kept = sounds.put(sound)
    assert [file.stem for file in (tmp_path / "sounds").iterdir()] == [kept]


def test_the_picture_has_low_notes_at_the_bottom_and_silence_dark() -> None:
    picture = np.zeros((4, 6), np.uint8)
    picture[0] = 255  # the lowest band is loud
    pixels = np.asarray(Image.open(BytesIO(spectrogram_png(picture))).convert("L"), np.int64)
    assert pixels.shape == (4, 6)
    assert pixels[-1].min() > pixels[0].max() + 100
