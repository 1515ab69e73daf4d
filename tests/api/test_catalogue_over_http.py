from __future__ import annotations

import os
from errno import EACCES
from pathlib import Path

import numpy as np
import pytest

import recsys.audio
from audio_model.encoder import EncoderCard
from data.events import Event, EventKind
from data.report import Problem, write_problems
from data.tracks import Track
from recsys.overview import overview
from tests.api.kept import MAX_UPLOAD_BYTES, keep, tone

TRACKS = [
    Track("t1", None, "Harbour Lights", "Mira Okafor", "Tides", genre="Folk", label="Slow Ferry"),
    Track("t2", title="Nightjar", artist="Mira Okafor; Jon Aldous", album="Tides", genre="Folk"),
    Track("t3", title="Glasswork", artist="Jon Aldous", album="Kiln", genre="Ambient"),
    Track("t4", title="Árbol", artist="Ñandú", album="Kiln", genre="Ambient"),
    Track("t5", title="Harbour Lights", artist="Low Orbit", album="Ore", genre="Rock"),
]


@pytest.fixture
def kept(tmp_path: Path):
    found = keep(tmp_path)
    found.store.upsert_tracks(TRACKS)
    yield found
    found.store.close()


@pytest.fixture
def music(tmp_path: Path) -> Path:
    return tmp_path / "music"


def found(kept, query: str) -> list[str]:
    response = kept.client.get(f"/v1/tracks?{query}")
    assert response.status_code == 200, response.get_data(as_text=True)
    return [item["track_id"] for item in response.get_json()["items"]]


# Search


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("harbour", ["t1", "t5"]),
        ("harbor lihgts", ["t1", "t5"]),
        ("harbour orbit", ["t5"]),
        ("glaswork", ["t3"]),
        ("arbol nandu", ["t4"]),
        ("night", ["t2"]),
        ("jon", ["t3", "t2"]),
        ("kiln", ["t4", "t3"]),
        ("aldous nightjar", ["t2"]),
        ("zzzz", []),
        ("!!!", []),
    ],
)
def test_tracks_are_found_by_words_with_typos(kept, query, expected):
    assert found(kept, f"query={query}") == expected


def test_filters_are_whole_names_in_any_case(kept):
    assert found(kept, "genre=folk") == ["t1", "t2"]
    assert found(kept, "artist=JON ALDOUS") == ["t2", "t3"]
    assert found(kept, "artist=Jon") == []
    assert found(kept, "query=harbour&genre=rock") == ["t5"]
    assert found(kept, "label=slow ferry") == ["t1"]
    assert found(kept, "query=harbour&label=Slow%20Ferry") == ["t1"]
    assert found(kept, "label=slow") == []


@pytest.mark.parametrize("query", ["", "query=o&", "genre=folk&"])
def test_pages_of_tracks_fit_together(kept, query):
    kept.store.upsert_tracks(Track(f"o{n}", title="o", genre="Folk") for n in range(7))
    whole, pages, cursor = found(kept, f"{query}limit=200"), [], ""
    while cursor is not None:
        page = kept.client.get(f"/v1/tracks?{query}limit=3{cursor}").get_json()
        pages += [item["track_id"] for item in page["items"]]
        cursor = page["next"] and f"&cursor={page['next']}"
    assert pages == whole
    assert len(set(pages)) == len(pages) >= 7


def test_the_search_keeps_up_with_the_catalogue(kept):
    assert found(kept, "query=harbour") == ["t1", "t5"]
    kept.put("/v1/tracks/new", title="Harbour at Noon")
    assert found(kept, "query=harbour") == ["new", "t1", "t5"]
    kept.client.patch("/v1/tracks/t1", json={"title": "Something else"})
    assert found(kept, "query=harbour") == ["new", "t5"]
    kept.client.delete("/v1/tracks/t5")
    assert found(kept, "query=harbour") == ["new"]
    assert found(kept, "limit=200") == ["new", "t1", "t2", "t3", "t4"]
    kept.put("/v1/tracks/t5", title="Harbour")
    assert found(kept, "query=harbour") == ["t5", "new"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "query=", "cursor=x", "genre=", "q=x", "query=a&cursor=WyJ0"]
)
def test_a_malformed_search_is_refused(kept, query):
    assert kept.client.get(f"/v1/tracks?{query}").status_code == 422


# Adding, changing, withdrawing


def test_a_track_is_added_and_its_tags_are_replaced(kept):
    first = kept.put("/v1/tracks/a%2Fb", title="One", year=1999, duration=61.5)
    assert first.status_code == 201
    assert first.get_json()["track_id"] == "a/b"
    assert first.get_json()["has_audio"] is False
    assert first.get_json()["analysis"] is None
    added_at = first.get_json()["added_at"]
    second = kept.put("/v1/tracks/a%2Fb", artist="Somebody")
    body = second.get_json()
    assert second.status_code == 200
    assert (body["title"], body["artist"], body["year"]) == (None, "Somebody", None)
    assert (body["added_at"], body["duration"]) == (added_at, 61.5)


@pytest.mark.parametrize(
    ("sent", "kept_as"),
    [
        ("Warp", "Warp"),
        ("Warp; Sub Pop", "Warp"),
        ("[no label]; Warp", "Warp"),
        ("[no label]", None),
        ("Self-Released", None),
        (None, None),
    ],
)
def test_a_track_has_the_first_record_label_that_is_one(kept, sent, kept_as):
    assert kept.put("/v1/tracks/new", label=sent).get_json()["label"] == kept_as
    kept.put("/v1/tracks/new", label="Other")
    assert kept.client.patch("/v1/tracks/new", json={"title": "x"}).get_json()["label"] == "Other"
    kept.client.patch("/v1/tracks/new", json={"label": sent})
    assert kept.client.get("/v1/tracks/new").get_json()["label"] == kept_as


def test_a_patch_changes_what_is_sent_and_null_empties(kept):
    body = kept.client.patch("/v1/tracks/t1", json={"genre": None, "year": 2001}).get_json()
    assert (body["title"], body["genre"], body["year"]) == ("Harbour Lights", None, 2001)
    assert kept.client.patch("/v1/tracks/ghost", json={}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"title": ""},
        {"title": "a\0b"},
        {"title": "x" * 501},
        {"year": 99},
        {"duration": 0},
        {"duration": float("inf")},
        {"isrc": "nope"},
        {"label": ""},
        {"recording_mbid": "nope"},
        {"track_id": "other"},
        {"withdrawn": True},
    ],
)
def test_malformed_tags_are_refused(kept, body):
    assert kept.put("/v1/tracks/new", **body).status_code == 422
    assert kept.client.get("/v1/tracks/new").status_code == 404


def test_a_withdrawn_track_is_gone_everywhere_until_it_is_brought_back(kept):
    kept.upload("t1", tone())
    assert kept.client.delete("/v1/tracks/t1").status_code == 204
    for path in ("", "/audio", "/listeners"):
        assert kept.client.get(f"/v1/tracks/t1{path}").status_code == 404, path
    assert kept.client.delete("/v1/tracks/t1").status_code == 404
    assert kept.client.patch("/v1/tracks/t1", json={"title": "x"}).status_code == 404
    assert kept.upload("t1", tone()).status_code == 404
    assert "t1" not in found(kept, "limit=200")
    artist = kept.client.get("/v1/artists/Mira Okafor").get_json()
    assert [item["track_id"] for item in artist["items"]] == ["t2"]
    back = kept.client.patch("/v1/tracks/t1", json={"withdrawn": False})
    assert back.get_json()["title"] == "Harbour Lights"
    assert kept.play("t1").status_code == 200
    kept.client.patch("/v1/tracks/t1", json={"withdrawn": True})
    assert kept.client.get("/v1/tracks/t1").status_code == 404


# Files


def test_a_path_counts_only_below_the_roots(kept, music, tmp_path):
    (music / "in.wav").write_bytes(tone())
    (tmp_path / "out.wav").write_bytes(tone())
    (music / "link.wav").symlink_to(tmp_path / "out.wav")
    (music / "circle.wav").symlink_to(music / "circle.wav")
    assert kept.put("/v1/tracks/in", path=str(music / "in.wav")).get_json()["analysis"] == "pending"
    for path in (
        tmp_path / "out.wav",
        music / ".." / "out.wav",
        music / "link.wav",
        music / "none.wav",
        music / f"{'long' * 75}.wav",
        music / "circle.wav",
        music,
        "in.wav",
        "/etc/passwd",
    ):
        response = kept.put("/v1/tracks/x", path=str(path))
        assert (response.status_code, "library.roots" in response.get_json()["detail"]) == (
            422,
            True,
        ), path
    assert kept.client.get("/v1/tracks/x").status_code == 404


@pytest.mark.parametrize("owner", [Path, recsys.audio], ids=["folder", "file"])
def test_a_path_that_the_service_may_not_read_is_refused(kept, music, monkeypatch, owner):
    (music / "in.wav").write_bytes(tone())
    kept.upload("t1", tone())

    def forbidden(*_):
        raise PermissionError(EACCES, "Permission denied")

    monkeypatch.setattr(owner, "is_file" if owner is Path else "sha256_of", forbidden)
    response = kept.put("/v1/tracks/t1", path=str(music / "in.wav"))
    assert response.status_code == 422
    assert response.get_json()["detail"].startswith("path: expected")
    monkeypatch.undo()
    assert kept.play("t1").status_code == 200
    assert kept.store.analyses.next() is not None


def test_a_file_outside_the_roots_is_not_streamed_whoever_registered_it(kept, music, tmp_path):
    (tmp_path / "out.wav").write_bytes(tone())
    (music / "notes.txt").write_text("words, no sound, but long enough")
    os.mkfifo(music / "pipe")
    (music / "circle.wav").symlink_to(music / "circle.wav")
    for name, path in (
        ("out", tmp_path / "out.wav"),
        ("text", music / "notes.txt"),
        ("pipe", music / "pipe"),
        ("gone", music / "gone.wav"),
        ("long", music / f"{'long' * 75}.wav"),
        ("circle", music / "circle.wav"),
    ):
        kept.store.upsert_tracks([Track(name, str(path))])
        response = kept.play(name)
        assert response.status_code == 404, name
        assert response.get_json()["type"] == "urn:recsys:problem:not-found"
        assert str(tmp_path) not in response.get_data(as_text=True)
    assert kept.play("t1").status_code == 404


def test_an_upload_is_kept_and_waits_for_its_analysis(kept):
    content = tone()
    response = kept.upload("t1", content)
    assert response.status_code == 202
    body = response.get_json()
    assert (body["has_audio"], body["analysis"], body["analysis_reason"]) == (True, "pending", None)
    assert kept.play("t1").data == content
    job = kept.store.analyses.next()
    assert job is not None
    assert job.path.is_relative_to(kept.workspace.home / "library")
    assert "t1" not in job.path.name


def test_replacing_audio_forgets_what_was_measured_and_deletes_the_old_file(kept):
    kept.upload("t1", tone())
    kept.upload("t2", tone())
    job = kept.store.analyses.next()
    kept.store.put_embeddings("enc", [("t1", np.ones(2, np.float32), "")])
    kept.store.analyses.finish(job, duration=1.0)
    assert kept.client.get("/v1/tracks/t1").get_json()["analysis"] == "done"
    for track_id, left in (("t1", 2), ("t2", 1)):
        body = kept.upload(track_id, tone(hertz=220.0)).get_json()
        assert (body["analysis"], body["duration"]) == ("pending", None)
        files = [file for file in (kept.workspace.home / "library").rglob("*") if file.is_file()]
        assert len(files) == left
    assert kept.store.embedded("enc") == set()
    body = kept.client.patch("/v1/tracks/t1", json={"path": None}).get_json()
    assert (body["has_audio"], body["analysis"]) == (False, None)


def test_files_that_no_analysis_gets_through_do_not_remain_to_be_analysed(kept, music):
    on_disk = [
        Track(f"d{n}", str(music / f"100% {n}.mp3"), f"Disk {n}", "Mira Okafor") for n in range(4)
    ]
    kept.store.upsert_tracks(on_disk)
    encoder = EncoderCard.read(kept.workspace.encoder_dir())
    vector = np.ones(encoder.dimension, np.float32)
    kept.store.put_embeddings(encoder.encoder_id, [("d0", vector, "")])
    assert overview(kept.workspace, kept.store).remaining == 3
    # `recsys embed` fails on two, one of which the service is asked for since; d0 has its vector.
    failed = [Problem(str(track.path), "no music") for track in on_disk[:3]]
    write_problems(failed, len(failed), kept.workspace.problems("embed"))
    assert overview(kept.workspace, kept.store).remaining == 1
    kept.store.analyses.request("d1")
    assert overview(kept.workspace, kept.store).remaining == 2
    kept.store.analyses.finish(kept.store.analyses.next(), failure="no music")
    state = overview(kept.workspace, kept.store)
    assert (state.with_audio, state.analysed, state.remaining, state.failed) == (4, 1, 1, 1)
    kept.store.set_withdrawn(["d1", "d3"])
    assert overview(kept.workspace, kept.store).remaining == 0


def test_a_failed_analysis_says_why(kept):
    kept.upload("t1", tone())
    kept.store.analyses.finish(kept.store.analyses.next(), failure="no sound: every sample is zero")
    body = kept.client.get("/v1/tracks/t1").get_json()
    assert (body["analysis"], body["analysis_reason"]) == (
        "failed",
        "no sound: every sample is zero",
    )


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"words, no sound" * 9, 415), (b"", 415), (b"RIFF" + bytes(3 * MAX_UPLOAD_BYTES), 413)],
)
def test_what_is_no_audio_or_too_large_is_refused(kept, content, status):
    response = kept.upload("t1", content)
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    assert not (kept.workspace.home / "library").exists()


# Streaming


@pytest.mark.parametrize(("form", "kind"), [("WAV", "wav"), ("FLAC", "flac"), ("OGG", "ogg")])
def test_the_type_is_told_by_the_content(kept, form, kind):
    kept.upload("t1", tone(form=form))
    response = kept.play("t1")
    assert response.mimetype == f"audio/{kind}"
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_ranges_conditions_and_head_work(kept):
    content = tone()
    kept.upload("t1", content)
    size = len(content)
    whole = kept.play("t1")
    etag = whole.headers["ETag"]
    assert (whole.status_code, whole.content_length, whole.data) == (200, size, content)
    for wanted, start, stop in (("0-99", 0, 100), ("100-", 100, size), ("-50", size - 50, size)):
        part = kept.play("t1", Range=f"bytes={wanted}")
        assert part.status_code == 206
        assert part.data == content[start:stop]
        assert part.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
    beyond = kept.play("t1", Range=f"bytes={size}-")
    assert beyond.status_code == 416
    assert beyond.headers["Content-Range"] == f"bytes */{size}"
    assert beyond.mimetype == "application/problem+json"
    assert kept.play("t1", Range="bytes=0-9", If_Range=etag).status_code == 206
    assert kept.play("t1", Range="bytes=0-9", If_Range='"other"').data == content
    assert kept.play("t1", If_None_Match=etag).status_code == 304
    head = kept.play("t1", "HEAD")
    assert (head.status_code, head.content_length, head.data) == (200, size, b"")


def test_streaming_can_be_switched_off(tmp_path):
    kept = keep(tmp_path, stream=False)
    kept.put("/v1/tracks/t1", title="x")
    kept.upload("t1", tone())
    response = kept.play("t1")
    assert response.status_code == 403
    assert response.get_json()["type"] == "urn:recsys:problem:streaming"
    kept.store.close()


# Artists and listeners


@pytest.fixture
def played(kept):
    kept.store.add_events(
        [
            Event("a", "ada", "t3", EventKind.PLAY, 10.0),
            Event("b", "ben", "t3", EventKind.PLAY, 30.0),
            Event("c", "ada", "t3", EventKind.PLAY, 20.0),
            Event("d", "ada", "t2", EventKind.PLAY, 5.0),
            Event("e", "ben", "t2", EventKind.LIKE, 5.0),
        ]
    )
    return kept


def test_an_artist_has_tracks_and_counts_most_played_first(played):
    body = played.client.get("/v1/artists/jon%20aldous").get_json()
    assert body["name"] == "Jon Aldous"
    assert (body["n_tracks"], body["plays"], body["listeners"]) == (2, 4, 2)
    assert [(i["track_id"], i["plays"], i["listeners"]) for i in body["items"]] == [
        ("t3", 3, 2),
        ("t2", 1, 1),
    ]
    first = played.client.get("/v1/artists/Jon Aldous?limit=1").get_json()
    second = played.client.get(f"/v1/artists/Jon Aldous?limit=1&cursor={first['next']}").get_json()
    assert [i["track_id"] for i in first["items"] + second["items"]] == ["t3", "t2"]
    assert second["next"] is None


def test_an_artist_whose_tracks_are_withdrawn_is_not_found(played):
    assert played.client.get("/v1/artists/Ñandú").status_code == 200
    played.client.delete("/v1/tracks/t4")
    response = played.client.get("/v1/artists/Ñandú")
    assert response.status_code == 404
    assert response.get_json()["type"] == "urn:recsys:problem:not-found"


def test_listeners_of_a_track_are_counted_and_not_named(played):
    body = played.client.get("/v1/tracks/t3/listeners").get_json()
    assert body == {"track_id": "t3", "plays": 3, "listeners": 2, "last_played_at": 30.0}
    assert played.client.get("/v1/tracks/ghost/listeners").status_code == 404


def test_players_are_named_those_who_play_most_first(played):
    of_track = played.client.get("/v1/tracks/t3/players").get_json()["items"]
    assert [(one["user_id"], one["plays"], one["last_played_at"]) for one in of_track] == [
        ("ada", 2, 20.0),
        ("ben", 1, 30.0),
    ]
    of_artist = played.client.get("/v1/artists/jon aldous/players?limit=1").get_json()["items"]
    assert [(one["user_id"], one["plays"]) for one in of_artist] == [("ada", 3)]
    assert played.client.get("/v1/tracks/ghost/players").status_code == 404
    assert played.client.get("/v1/artists/nobody/players").status_code == 404
    assert played.client.get("/v1/tracks/t3/players?limit=0").status_code == 422
