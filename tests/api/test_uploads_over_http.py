from __future__ import annotations

import io
import tempfile
import threading
from pathlib import Path

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from api.uploads import MULTIPART_OVERHEAD, audio_suffix
from data.errors import NotReadyError
from tests.api.conftest import CAPACITY, FLAC, MAX_UPLOAD_BYTES, MP3, WAV


@pytest.fixture(autouse=True)
def _temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def form(content, n="3", name="song.txt"):
    """Body of a multipart form; the test client's own encoder leaves temporary files open."""
    return b"".join(
        [
            f'--x\r\nContent-Disposition: form-data; name="n"\r\n\r\n{n}\r\n'.encode(),
            f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"'.encode(),
            b"\r\n\r\n" + content + b"\r\n--x--\r\n",
        ]
    )


def send(client, content, n="3", name="song.txt"):
    body = form(content, n, name)
    return client.post("/v1/similar", data=body, content_type="multipart/form-data; boundary=x")


def test_an_upload_gives_similar_tracks_and_its_duration(client, world):
    body = send(client, FLAC).get_json()
    assert [item["track_id"] for item in body["items"]] == ["track 0", "track 1", "track 2"]
    assert body["duration"] == 183.4
    assert body["model_version"] == world.live.recommender.version


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (FLAC, ".flac"),
        (WAV, ".wav"),
        (MP3, ".mp3"),
        (b"OggS1234", ".ogg"),
        (b"\0\0\0\x18ftypM4A ", ".m4a"),
    ],
)
def test_the_decoder_sees_a_private_file_that_is_gone_afterwards(
    client, world, tmp_path, content, suffix
):
    assert send(client, content).status_code == 200
    ((path, file_mode, folder_mode, seen),) = world.pools[0].seen
    assert (path.suffix, file_mode, folder_mode, seen) == (suffix, 0o600, 0o700, content)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"hello, I am an mp3", b"\xff\xf1\x50\x80" + bytes(90), b"RIFF1234AVI " * 9]
)
def test_what_is_not_audio_is_refused_by_its_content(client, world, content):
    response = send(client, content, name="song.mp3")
    assert response.status_code == 415
    assert response.get_json()["type"] == "urn:recsys:problem:audio-type"
    assert world.pools == []


def test_sniffing_needs_a_whole_header():
    assert audio_suffix(b"\xff\xfb") is None
    assert audio_suffix(b"ID3\x04") == ".mp3"


def test_undecodable_audio_is_422_with_the_reason_and_leaves_nothing(client, tmp_path):
    response = send(client, FLAC + b"broken")
    assert response.status_code == 422
    assert response.get_json()["detail"] == "the audio stops before 0.5 seconds"
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_and_a_bad_n_are_named(client):
    response = client.post("/v1/similar", data={"n": "500"})
    assert [e["field"] for e in response.get_json()["errors"]] == ["file", "n"]


def test_a_file_over_the_limit_is_413(client, world, tmp_path):
    for size in (MAX_UPLOAD_BYTES + 1, MAX_UPLOAD_BYTES + MULTIPART_OVERHEAD):
        response = send(client, FLAC.ljust(size, b"\0"))
        assert response.status_code == 413
        assert response.mimetype == "application/problem+json"
    assert send(client, FLAC.ljust(MAX_UPLOAD_BYTES, b"\0")).status_code == 200
    assert list(tmp_path.iterdir()) == []


def test_a_chunked_body_is_cut_off_at_the_limit(app, tmp_path):
    class Endless(io.RawIOBase):
        served = 0

        def readable(self):
            return True

        def readinto(self, buffer):
            head = form(b"").removesuffix(b"\r\n--x--\r\n")
            chunk = head if self.served == 0 else bytes(len(buffer))
            buffer[: len(chunk)] = chunk
            self.served += len(chunk)
            return len(chunk)

    with Endless() as stream:
        environ = EnvironBuilder("/v1/similar", method="POST").get_environ()
        environ["CONTENT_TYPE"] = "multipart/form-data; boundary=x"
        environ["wsgi.input"] = stream
        environ["wsgi.input_terminated"] = True  # what servers say of a chunked body
        environ.pop("CONTENT_LENGTH", None)
        _, status, _ = run_wsgi_app(app, environ)
        assert status.startswith("413")
        assert MAX_UPLOAD_BYTES < stream.served < 2 * (MAX_UPLOAD_BYTES + MULTIPART_OVERHEAD)
    assert list(tmp_path.iterdir()) == []


def test_beyond_the_queue_an_upload_is_told_to_come_back(app, world, monkeypatch):
    entered, release = threading.Semaphore(0), threading.Event()
    original = type(world.services.decoder).analyse

    def slow(self, path, encoder_id, encoder_dir):
        entered.release()
        release.wait(10)
        return original(self, path, encoder_id, encoder_dir)

    monkeypatch.setattr(type(world.services.decoder), "analyse", slow)
    statuses = []
    threads = [
        threading.Thread(target=lambda: statuses.append(send(app.test_client(), WAV).status_code))
        for _ in range(CAPACITY)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert entered.acquire(timeout=10)
    refused = send(app.test_client(), WAV)
    release.set()
    for thread in threads:
        thread.join(10)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
    assert statuses == [200] * CAPACITY
    assert send(app.test_client(), WAV).status_code == 200


def test_one_pool_serves_until_the_bundle_brings_another_encoder(client, world):
    send(client, FLAC)
    world.live.recommender.encoder_dir = Path("newer-bundle")  # the same encoder
    send(client, FLAC)
    world.live.recommender.encoder_id = "second"
    world.live.recommender.encoder_dir = Path("encoder-2")
    send(client, FLAC)
    assert [pool.encoder_dir.name for pool in world.pools] == ["encoder-1", "encoder-2"]
    assert [len(pool.seen) for pool in world.pools] == [2, 1]
    assert [pool.closed for pool in world.pools] == [True, False]
    world.services.decoder.close()
    assert world.pools[1].closed


def test_a_replaced_pool_finishes_its_upload_before_it_closes(world, tmp_path):
    decoder = world.services.decoder
    audio = tmp_path / "a.wav"
    audio.write_bytes(WAV)
    decoder.analyse(audio, "first", Path("encoder-1"))
    old = world.pools[0]
    closed_during = []

    def analyse_while_replaced(path, timeout=None):
        decoder.analyse(path, "second", Path("encoder-2"))
        closed_during.append(old.closed)

    old.analyse = analyse_while_replaced
    decoder.analyse(audio, "first", Path("encoder-1"))
    assert closed_during == [False]
    assert old.closed


def test_without_a_model_an_upload_is_503(client, world):
    world.live.error = NotReadyError("run `recsys train`")
    assert send(client, FLAC).status_code == 503
    assert world.pools == []


def test_uploads_are_counted_by_outcome(client):
    send(client, FLAC)
    send(client, b"text")
    send(client, FLAC + b"broken")
    text = client.get("/metrics").get_data(as_text=True)
    assert 'recsys_uploads_total{outcome="analysed"} 1.0' in text
    assert 'recsys_uploads_total{outcome="failed"} 2.0' in text
