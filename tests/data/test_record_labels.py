"""Record labels: which tags name one, and what names none."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from pathlib import Path

import mutagen
import numpy as np
import pytest
from mutagen.apev2 import APEv2
from mutagen.flac import FLAC
from mutagen.id3 import ID3, TPUB, TXXX
from mutagen.mp4 import MP4, MP4FreeForm
from mutagen.wave import WAVE

from data.importers.library import scan_library
from data.importers.tags import read_track
from data.record_labels import first_label
from data.store import Store
from tests.data.test_library_importer import counters, make_audio


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ([], None),
        (["Warp"], "Warp"),
        (["Warp; Sub Pop"], "Warp"),
        (["Warp", "Sub Pop"], "Warp"),
        (["[no label]", "Warp"], "Warp"),
        (["self-released; Warp"], "Warp"),
        (["Not On Label (Ann Self-released)"], None),
        (["NOT ON LABEL"], None),
        (["Independent"], None),
        (["  ", ";"], ";"),
        (["AC/DC Records, Ltd."], "AC/DC Records, Ltd."),
        (["Independente"], "Independente"),
    ],
)
def test_the_first_name_that_is_a_labels_counts(values: list[str], label: str | None) -> None:
    assert first_label(values) == label


def atom(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), name) + body


def make_m4a(path: Path) -> Path:
    """One second of sound as its header announces it, without any (ISO/IEC 14496-12)."""
    header = struct.pack(">IIIII", 0, 0, 0, 8000, 8000)  # version, times, units a second, length
    media = atom(
        b"mdia",
        atom(b"mdhd", header, bytes(4)),
        atom(b"hdlr", bytes(8), b"soun", bytes(13)),
        atom(b"minf", atom(b"stbl", atom(b"stsd", bytes(8)))),
    )
    movie = atom(b"moov", atom(b"mvhd", header, bytes(80)), atom(b"trak", media))
    path.write_bytes(atom(b"ftyp", b"M4A \0\0\0\0M4A mp42") + movie)
    return path


@pytest.mark.parametrize("key", ["LABEL", "label", "ORGANIZATION", "PUBLISHER"])
@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".opus"])
def test_vorbis_comments_name_the_label(tmp_path: Path, suffix: str, key: str) -> None:
    path = make_audio(tmp_path / f"file{suffix}", title="T")
    file = mutagen.File(path)
    file[key] = ["[no label]", "Warp"]
    file.save()
    assert read_track(path, "t").label == "Warp"


def test_the_label_goes_before_the_publisher_of_the_notes(tmp_path: Path) -> None:
    path = make_audio(tmp_path / "file.flac")
    file = FLAC(path)
    file.update({"PUBLISHER": "Big Notes", "LABEL": "Warp"})
    file.save()
    assert read_track(path, "t").label == "Warp"


@pytest.mark.parametrize("frame", [TPUB(text=["Warp"]), TXXX(desc="LABEL", text=["Warp"])])
@pytest.mark.parametrize("version", [3, 4])
def test_id3_frames_name_the_label(tmp_path: Path, frame: object, version: int) -> None:
    path = make_audio(tmp_path / "file.mp3")
    tags = ID3()
    tags.add(frame)
    tags.save(path, v2_version=version)
    assert read_track(path, "t").label == "Warp"
    wav = WAVE(make_audio(tmp_path / "file.wav"))
    wav.add_tags()
    wav.tags.add(frame)
    wav.save(v2_version=version)
    assert read_track(tmp_path / "file.wav", "t").label == "Warp"


@pytest.mark.parametrize("name", ["LABEL", "Label", "publisher"])
def test_free_atoms_of_mp4_name_the_label(tmp_path: Path, name: str) -> None:
    path = make_m4a(tmp_path / "file.m4a")
    file = MP4(path)
    file[f"----:com.apple.iTunes:{name}"] = [MP4FreeForm("Wärp".encode())]
    file.save()
    assert read_track(path, "t").label == "Wärp"


def test_apev2_tags_name_the_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_audio(tmp_path / "file.wav")
    tags = APEv2()
    tags["Label"] = ["Warp", "Sub Pop"]
    tags.save(path)
    # None of the formats that are registered has such tags; what has them is read all the same.
    sound = mutagen.File(path)
    sound.tags = APEv2(path)
    monkeypatch.setattr("data.importers.tags._opened", lambda _: sound)
    assert read_track(path, "t").label == "Warp"


# -- libraries that were scanned before there were labels ----------------------------------------


def forgotten(store: Store, music: Path) -> None:
    """Scan `music` as a version did that read no labels."""
    scan_library([music], store)
    store.upsert_tracks([replace(track, label=None) for track in store.tracks()])


@pytest.fixture
def shelf(store: Store, tmp_path: Path) -> Path:
    music = tmp_path / "music"
    make_audio(music / "one.flac", 1, title="One", label="Warp", genre="Dub")
    make_audio(music / "two.flac", 2, title="Two")
    forgotten(store, music)
    return music


def labels(store: Store) -> dict[str | None, str | None]:
    return {track.title: track.label for track in store.tracks()}


def test_a_scan_leaves_unchanged_files_alone(store: Store, shelf: Path) -> None:
    assert counters(scan_library([shelf], store)) == {"unchanged": 2}
    assert labels(store) == {"One": None, "Two": None}


def test_files_that_are_read_again_fill_what_is_not_known_and_nothing_else(
    store: Store, shelf: Path
) -> None:
    one = next(track for track in store.tracks() if track.title == "One")
    store.upsert_tracks([replace(one, genre="Ambient")])
    store.put_embeddings("e", [(one.track_id, np.ones(2, np.float32), "d")])
    assert counters(scan_library([shelf], store, reread=True)) == {"updated": 1, "unchanged": 1}
    assert labels(store) == {"One": "Warp", "Two": None}
    assert store.track(one.track_id).genre == "Ambient"
    assert store.embedded("e") == {one.track_id}
    assert counters(scan_library([shelf], store, reread=True)) == {"unchanged": 2}


def test_a_file_that_was_retagged_behind_its_time_is_found_out(store: Store, shelf: Path) -> None:
    path = shelf / "one.flac"
    before = path.stat()
    file = FLAC(path)
    file["title"], file["label"] = "Uno", "Wurp"
    file.save()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert counters(scan_library([shelf], store)) == {"unchanged": 2}
    assert counters(scan_library([shelf], store, reread=True)) == {"updated": 1, "unchanged": 1}
    assert labels(store) == {"Uno": "Wurp", "Two": None}
