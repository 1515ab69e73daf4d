"""Tracks that come and listeners who go while two server processes run."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from tests.api.kept import tone
from tests.end_to_end.service import served, until


@pytest.fixture(scope="module")
def recsys(copied):
    made = copied()
    settings = made.home / "recsys.toml"
    settings.write_text(settings.read_text("utf-8") + "[serve]\nworkers = 2\n", "utf-8")
    return made


@pytest.fixture(scope="module")
def service(recsys, tmp_path_factory):
    with served(recsys.home, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="module")
def listener(demo_home):
    """The listener with the most events in the log."""
    with demo_home.listens.open(encoding="utf-8", newline="") as file:
        return Counter(row["user_id"] for row in csv.DictReader(file)).most_common(1)[0][0]


def ids(reply):
    assert reply.status == 200, reply.body
    return [item["track_id"] for item in reply.json()["items"]]


def analysed(service, track_id):
    def done():
        return service.get(f"/v1/tracks/{track_id}").json()["analysis"] != "pending"

    until(done, lambda: service.log.read_text()[-2000:])
    return service.get(f"/v1/tracks/{track_id}").json()


def test_a_track_added_over_http_is_found_before_the_next_training(service, tmp_path):
    sound = tmp_path / "sound.wav"
    sound.write_bytes(tone(5.0, hertz=660.0))
    tags = {"title": "Brand New Hum", "artist": "Nobody Yet", "genre": "Drone"}
    assert service.send("PUT", "/v1/tracks/new", tags).status == 201
    assert service.get("/v1/tracks/new/similar").status == 409
    assert service.upload("/v1/tracks/new/audio", sound, method="PUT").status == 202
    track = analysed(service, "new")
    assert (track["analysis"], track["duration"]) == ("done", 5.0)
    assert ids(service.get("/v1/tracks?query=brnad+new")) == ["new"]
    assert service.get("/v1/tracks/new/audio").body == sound.read_bytes()

    def everywhere():
        # Several times, since each process looks by itself.
        return all(
            service.get("/v1/tracks/new/similar?n=5").status == 200
            and "new" in ids(service.get("/v1/users/nobody/recommendations?n=50&genre=drone"))
            for _ in range(6)
        )

    until(everywhere)
    neighbours = ids(service.get("/v1/tracks/new/similar?n=5"))
    assert len(neighbours) == 5
    assert "new" in ids(service.get(f"/v1/tracks/{neighbours[0]}/similar?n=50"))


def test_audio_that_cannot_be_analysed_says_why_and_the_track_stays(service, tmp_path):
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"ID3\x04\0\0\0\0\0\0" + b"words, no sound\n" * 100)
    service.send("PUT", "/v1/tracks/broken", {"title": "Broken"})
    assert service.upload("/v1/tracks/broken/audio", broken, method="PUT").status == 202
    track = analysed(service, "broken")
    assert track["analysis"] == "failed"
    assert "not an audio file" in track["analysis_reason"]
    assert service.send("DELETE", "/v1/tracks/broken").status == 204


def test_a_withdrawn_track_is_in_no_list_of_any_process_at_once(service):
    path = "/v1/users/stranger/recommendations?n=5"
    first = ids(service.get(path))[0]
    assert service.send("DELETE", f"/v1/tracks/{first}").status == 204
    for _ in range(6):
        assert first not in ids(service.get(path))
        assert first not in ids(service.get("/v1/tracks?limit=200"))
        assert service.get(f"/v1/tracks/{first}").status == 404
    service.send("PATCH", f"/v1/tracks/{first}", {"withdrawn": False})
    assert first in ids(service.get(path))


def test_an_erased_listener_is_in_no_later_bundle_and_no_import_brings_them_back(
    service, recsys, demo_home, listener
):
    lists = f"/v1/users/{listener}/recommendations?n=3"
    assert service.get(lists).json()["fallback"] is False
    assert named_in(recsys.home, listener) == {"recsys.db", "trial.json"}
    erased = service.send("DELETE", f"/v1/users/{listener}").json()["erased_events"]
    assert erased > 0
    assert service.get(lists).json()["fallback"] is True
    imported = recsys("listens", "import", demo_home.listens)
    assert f"{erased} events of listeners who were erased" in imported.out + imported.err
    assert service.get(f"/v1/users/{listener}").status == 404
    version = recsys("train", "--force").out.split()[1]
    until(lambda: service.version() == version, lambda: service.log.read_text()[-2000:])
    assert service.get(lists).json()["fallback"] is True
    assert named_in(recsys.home, listener) == set()
    assert named_in(service.log.parent, listener) == set()


def named_in(folder: Path, user_id: str) -> set[str]:
    """Names of the files that hold the id, as text or in JSON."""
    return {
        file.name.removesuffix("-wal").removesuffix("-shm")
        for file in folder.rglob("*")
        if file.is_file() and user_id.encode() in file.read_bytes()
    }
