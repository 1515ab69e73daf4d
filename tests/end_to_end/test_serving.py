"""The running service: lists, uploads, events, new models while it runs, its end."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from recsys.files import write_atomically
from recsys.versions import versions
from tests.end_to_end.command import TIMEOUT, environment
from tests.end_to_end.service import alive, served, until

FOREIGN = ("tensorflow", "keras", "librosa", "numba", "pandas")
"""What serving must not load: training's libraries, large and slow to import."""


@pytest.fixture(scope="module")
def recsys(copied):
    return copied()


@pytest.fixture(scope="module")
def service(recsys, tmp_path_factory):
    with served(recsys.home, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="module")
def newcomer(demo_home):
    """A listener of the log who has something left to discover."""
    heard: dict[str, set[str]] = {}
    with demo_home.listens.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            heard.setdefault(row["user_id"], set()).add(row["path"])
    return min(sorted(heard), key=lambda user: len(heard[user]))


def ids(reply):
    assert reply.status == 200, reply.body
    return [item["track_id"] for item in reply.json()["items"]]


def title_of(song: Path) -> str:
    return song.stem.partition(" ")[2]


def test_it_is_ready_and_says_from_which_model(service, recsys):
    reply = service.get("/health/ready")
    assert reply.status == 200
    assert (recsys.home / "models" / reply.json()["model_version"]).is_dir()


def test_a_listener_gets_a_list_with_reasons(service, newcomer):
    reply = service.get(f"/v1/users/{newcomer}/recommendations?n=5")
    answer = reply.json()
    assert 0 < len(ids(reply)) <= 5
    assert answer["fallback"] is False
    assert answer["model_version"] == service.version()
    assert all(item["reason"] and item["sources"] for item in answer["items"])


def test_a_listener_nobody_knows_gets_popular_tracks(service):
    reply = service.get("/v1/users/a%20stranger%2F%C3%A9/recommendations?n=5")
    assert len(ids(reply)) == 5
    assert reply.json()["fallback"] is True


def test_similar_tracks_come_without_the_track_itself(service):
    seed = ids(service.get("/v1/users/stranger/recommendations?n=1"))[0]
    found = ids(service.get(f"/v1/tracks/{seed}/similar?n=30"))
    assert len(found) == 23
    assert seed not in found


def test_a_track_nobody_knows_is_a_problem_of_its_own_type(service):
    reply = service.get("/v1/tracks/ghost/similar")
    assert reply.status == 404
    assert reply.kind == "application/problem+json"
    assert reply.json()["type"] == "urn:recsys:problem:unknown-track"


@pytest.mark.parametrize("extension", ["mp3", "ogg", "flac"])
def test_an_upload_finds_the_same_recording_first(service, demo_home, extension):
    song = demo_home.song(extension)
    reply = service.upload("/v1/similar", song, n="3")
    assert len(ids(reply)) == 3
    first = reply.json()["items"][0]
    assert first["title"] == title_of(song)
    assert first["score"] == pytest.approx(1, abs=1e-4)
    assert reply.json()["duration"] == pytest.approx(4, abs=0.5)


def test_an_upload_that_is_no_audio_is_refused_with_the_reason(service, tmp_path):
    file = tmp_path / "text.mp3"
    file.write_bytes(b"words, no sound\n" * 100)
    assert service.upload("/v1/similar", file).status == 415
    file.write_bytes(b"ID3\x04\0\0\0\0\0\0" + b"words, no sound\n" * 100)
    reply = service.upload("/v1/similar", file)
    assert reply.status == 422
    assert reply.kind == "application/problem+json"
    assert reply.json()["type"] == "urn:recsys:problem:audio"


def test_what_a_listener_does_counts_at_once(service):
    path = "/v1/users/somebody new/recommendations?n=5".replace(" ", "%20")
    first = service.get(path)
    liked, skipped = ids(first)[:2]
    assert first.json()["fallback"] is True
    events = [
        {"event_id": "e1", "user_id": "somebody new", "track_id": liked, "kind": "like"},
        {"event_id": "e2", "user_id": "somebody new", "track_id": skipped, "kind": "skip"},
    ]
    receipt = service.post("/v1/events", {"events": events}).json()
    assert (receipt["added"], receipt["duplicates"]) == (2, 0)
    second = service.get(path)
    assert second.json()["fallback"] is False
    assert not {liked, skipped} & set(ids(second))
    assert ids(second) != ids(first)
    receipt = service.post("/v1/events", {"events": events}).json()
    assert (receipt["added"], receipt["duplicates"]) == (0, 2)


def test_the_page_the_reference_and_the_metrics_are_there(service):
    assert service.version() in service.get("/").body.decode()
    assert "/v1/events" in service.get("/openapi.json").json()["paths"]
    assert "/v1/events" in service.get("/docs").body.decode()
    metrics = service.get("/metrics").body.decode()
    assert "recsys_http_request_seconds_count" in metrics
    assert f'version="{service.version()}"' in metrics


def test_neither_the_server_nor_its_decoders_load_a_training_library(service, demo_home):
    ids(service.upload("/v1/similar", demo_home.song("ogg")))
    processes = service.descendants()
    assert len(processes) >= 2  # the worker and a decoder
    for pid in processes:
        mapped = Path(f"/proc/{pid}/maps").read_text("utf-8")
        loaded = [name for name in FOREIGN if f"/site-packages/{name}/" in mapped]
        assert loaded == []


def test_the_application_imports_no_training_library(recsys, demo_home):
    script = """
import sys
from pathlib import Path
from api import create_app

if __name__ == "__main__":
    home, song, *foreign = sys.argv[1:]
    client = create_app(home).test_client()
    assert client.get("/v1/users/nobody/recommendations").status_code == 200
    with Path(song).open("rb") as file:
        assert client.post("/v1/similar", data={"file": (file, "song")}).status_code == 200
    assert [name for name in foreign if name in sys.modules] == []
"""
    done = subprocess.run(
        [sys.executable, "-c", script, recsys.home, demo_home.song("ogg"), *FOREIGN],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_new_model_is_served_without_a_restart_and_without_a_failed_request(service, recsys):
    before = service.version()
    stop = threading.Event()
    statuses = []

    def ask():
        while not stop.wait(0.02):
            statuses.append(service.get("/v1/users/stranger/recommendations?n=3").status)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        printed = recsys("train").out
        trained = printed.split()[1]
        until(lambda: service.version() == trained, lambda: service.log.read_text()[-2000:])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert trained != before
    assert "LambdaRank" in printed  # whatever few events listeners posted long after the log
    assert len(statuses) > 10
    assert set(statuses) == {200}


@pytest.mark.parametrize("name", ["manifest.json", "embeddings.npy", "ranker.txt", "index"])
def test_a_damaged_model_is_refused_and_the_last_good_one_goes_on(service, recsys, name):
    models = recsys.home / "models"
    good = service.version()
    damaged = models / f"99990101T000000000000-{name}"
    shutil.copytree(models / versions(models)[0], damaged)
    flip_a_byte(damaged / name)
    write_atomically(models / "CURRENT", f"{damaged.name}\n")
    try:
        until(lambda: service.get("/").status and damaged.name in service.log.read_text())
        assert service.version() == good
        assert len(ids(service.get("/v1/users/stranger/recommendations?n=3"))) == 3
        refusal = next(
            line for line in service.log.read_text().splitlines() if damaged.name in line
        )
        assert '"bundle refused"' in refusal
    finally:
        write_atomically(models / "CURRENT", f"{good}\n")
        shutil.rmtree(damaged)


def flip_a_byte(path: Path) -> None:
    """Change one byte in the middle of the file, or of the largest file in the folder."""
    if path.is_dir():
        path = max(path.iterdir(), key=lambda file: file.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x55
    path.write_bytes(content)


def test_it_starts_on_the_version_before_a_damaged_one_and_ends_without_a_trace(
    recsys, demo_home, tmp_path
):
    models = recsys.home / "models"
    current = (models / "CURRENT").read_text("utf-8")
    damaged = models / "99990101T000000000000-last"
    shutil.copytree(models / current.strip(), damaged)
    flip_a_byte(damaged / "track_ids.json")
    write_atomically(models / "CURRENT", f"{damaged.name}\n")
    try:
        with served(recsys.home, tmp_path) as service:
            assert service.version() == current.strip()
            ids(service.upload("/v1/similar", demo_home.song("ogg")))
            processes = service.descendants()
            assert len(processes) >= 2
            assert service.stop() == 0
            until(lambda: not any(map(alive, processes)), seconds=10)
            assert list((tmp_path / "tmp").iterdir()) == []
    finally:
        write_atomically(models / "CURRENT", current)
        shutil.rmtree(damaged)
