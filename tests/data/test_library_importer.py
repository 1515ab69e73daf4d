"""Scanning folders: what is registered, recognised and refused."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile
from mutagen.id3 import ID3, TALB, TCON, TDRC, TIT2, TPE1, TPE2, TRCK, TSRC, UFID
from mutagen.wave import WAVE

from data.errors import DataError
from data.importers.catalogue import import_catalogue
from data.importers.library import scan_library
from data.importers.matching import TrackFinder, name_key, normalise
from data.importers.tags import clean_text, parse_year
from data.report import ImportReport
from data.store import Store
from data.tracks import Track

MBID = "b1a9c0e9-d987-4042-ae91-78d6a3267d69"


def make_audio(path: Path, seed: int = 0, seconds: float = 0.3, **tags: str | list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    samples = 0.1 * rng.standard_normal(int(8000 * seconds))
    formats = {".opus": ("OGG", "OPUS"), ".ogg": ("OGG", "VORBIS"), ".oga": ("OGG", "VORBIS")}
    kind, subtype = formats.get(path.suffix, (path.suffix[1:].upper(), None))
    soundfile.write(path, samples, 8000, format=kind, subtype=subtype)
    if tags:
        retag(path, **tags)
    return path


def retag(path: Path, **tags: str | list[str]) -> None:
    file = mutagen.File(path, easy=True)
    if file.tags is None:
        file.add_tags()
    for name, value in tags.items():
        file[name] = value
    file.save()
    later = path.stat().st_mtime_ns + 2_000_000_000
    os.utime(path, ns=(later, later))


def counters(report: ImportReport) -> dict[str, int]:
    names = ("created", "updated", "unchanged", "moved", "matched", "duplicates", "skipped")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    make_audio(folder / "a" / "one.flac", 1, title="One", artist="Ann", album="First")
    make_audio(folder / "b" / "two.mp3", 2, title="Two", artist="Bob")
    make_audio(folder / "three.ogg", 3)
    return folder


def by_title(store: Store) -> dict[str | None, Track]:
    return {track.title: track for track in store.tracks()}


# -- what is registered --------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".ogg", ".oga", ".opus"])
def test_tags_of_every_format_are_read(store: Store, tmp_path: Path, suffix: str) -> None:
    path = make_audio(
        tmp_path / f"file{suffix}",
        title="Títle",
        artist=["Ann", "Bob"],
        album="Album",
        albumartist="Various",
        genre="Jazz",
        organization="Warp",
        date="1999-05-01",
        tracknumber="3/12",
        musicbrainz_trackid=MBID.upper(),
        isrc="US-RC1-76-07839",
    )
    assert counters(scan_library([tmp_path], store)) == {"created": 1}
    (track,) = store.tracks()
    assert track.duration == pytest.approx(0.3, abs=0.2)
    assert track == Track(
        track.track_id, str(path), "Títle", "Ann; Bob", "Album", "Various", "Jazz", "Warp", 1999,
        track.duration, 3, MBID, "USRC17607839", path.stat().st_mtime_ns / 1e9,
    )  # fmt: skip


def test_wav_files_carry_id3_tags(store: Store, tmp_path: Path) -> None:
    path = make_audio(tmp_path / "file.wav")
    file = WAVE(path)
    file.add_tags()
    tags: ID3 = file.tags
    for frame in (
        TIT2(text="T"), TPE1(text="A"), TALB(text="L"), TPE2(text="B"), TCON(text="(17)"),
        TDRC(text="2001"), TRCK(text="4"), TSRC(text="bad"),
        UFID(owner="http://musicbrainz.org", data=MBID.encode()),
    ):  # fmt: skip
        tags.add(frame)
    file.save()
    scan_library([tmp_path], store)
    (track,) = store.tracks()
    assert (track.title, track.artist, track.album, track.album_artist) == ("T", "A", "L", "B")
    assert (track.genre, track.year, track.track_number) == ("Rock", 2001, 4)
    assert (track.isrc, track.recording_mbid) == (None, MBID)


def test_untagged_files_are_named_after_the_file_and_blank_tags_are_none(
    store: Store, tmp_path: Path
) -> None:
    make_audio(tmp_path / "My Song.flac", title="  ", artist="\t", genre="", date="soon")
    scan_library([tmp_path], store)
    (track,) = store.tracks()
    assert (track.title, track.artist, track.genre, track.year) == ("My Song", None, None, None)


@pytest.mark.parametrize("name", ["is.mp3", "is.flac", "is.ogg", "is.wav"])
@pytest.mark.parametrize("kind", ["MP3", "FLAC", "OGG", "WAV"])
def test_the_content_decides_where_the_ending_is_wrong(
    store: Store, tmp_path: Path, kind: str, name: str
) -> None:
    tags = {} if kind == "WAV" else {"title": "Song"}
    path = make_audio(tmp_path / f"is.{kind.lower()}", seconds=2.0, **tags)
    path.rename(tmp_path / name)
    report = scan_library([tmp_path], store)
    assert counters(report) == {"created": 1}
    (track,) = store.tracks()
    title = tags.get("title", "is")
    assert (track.title, track.duration) == (title, pytest.approx(2.0, abs=0.2))


def test_damage_that_the_tag_reader_does_not_expect_is_named_as_such(
    store: Store, music: Path
) -> None:
    (music / "riff.wav").write_bytes(b"\xff\xfe\xfd\xfc" + bytes(64))
    report = scan_library([music], store)
    assert [problem.reason for problem in report.problems] == [
        "not readable as audio: the file is damaged"
    ]


def test_ids_come_from_the_bytes_so_that_fresh_stores_agree(music: Path, tmp_path: Path) -> None:
    ids = []
    for number in range(2):
        with Store.open(f"sqlite:///{tmp_path}/{number}.db") as store:
            scan_library([music], store)
            ids.append([track.track_id for track in store.tracks()])
    assert ids[0] == ids[1]
    assert all(len(track_id) == 16 for track_id in ids[0])


def test_hidden_and_other_files_are_ignored_and_counted(store: Store, music: Path) -> None:
    (music / "cover.jpg").write_bytes(b"x")
    shutil.copy(music / "three.ogg", music / ".hidden.ogg")
    shutil.copytree(music / "a", music / ".trash")
    report = scan_library([music], store)
    assert counters(report) == {"created": 3}
    assert report.ignored == 2
    assert report.complete


def test_a_link_that_leads_in_a_circle_ends(store: Store, music: Path) -> None:
    (music / "a" / "loop").symlink_to(music)
    (music / "a" / "gone.mp3").symlink_to(music / "nothing.mp3")
    report = scan_library([music, music / "a"], store)
    assert counters(report) == {"created": 3, "skipped": 1}
    assert "link to nothing" in report.problems[0].reason


def test_progress_reaches_the_number_of_files(store: Store, music: Path) -> None:
    seen: list[tuple[int, int]] = []
    scan_library([music], store, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


# -- what is refused -----------------------------------------------------------------------------


def test_files_that_are_not_audio_are_problems(store: Store, music: Path) -> None:
    (music / "text.mp3").write_text("not music " * 1000)
    (music / "empty.flac").touch()
    (music / "noise.ogg").write_bytes(np.random.default_rng(0).bytes(5000))
    (music / "cut.flac").write_bytes((music / "a" / "one.flac").read_bytes()[:30])
    soundfile.write(music / "silent.wav", np.zeros(0), 8000)
    report = scan_library([music], store)
    assert counters(report) == {"created": 3, "skipped": 5}
    assert not report.complete
    reasons = {Path(problem.where).name: problem.reason for problem in report.problems}
    assert reasons["empty.flac"] == "the file is empty"
    assert "not readable as audio" in reasons["text.mp3"]
    assert "no sound" in reasons["silent.wav"]
    assert {"noise.ogg", "cut.flac"} <= set(reasons)


def test_m4a_is_named_as_undecodable(store: Store, music: Path) -> None:
    (music / "song.m4a").write_bytes(b"x")
    report = scan_library([music], store)
    assert "cannot be decoded" in report.problems[0].reason


def test_damaged_tags_never_stop_a_scan(store: Store, music: Path) -> None:
    rng = np.random.default_rng(5)
    for source in (music / "a" / "one.flac", music / "b" / "two.mp3", music / "three.ogg"):
        content = np.frombuffer(source.read_bytes(), np.uint8)
        for number in range(25):
            damaged = content.copy()
            where = rng.integers(0, min(400, len(damaged)), 12)
            damaged[where] = rng.integers(0, 256, 12)
            (music / f"d{number}{source.suffix}").write_bytes(damaged.tobytes())
    report = scan_library([music], store)
    assert report.created + report.skipped == 3 + 75


def test_empty_and_missing_folders_are_errors_that_name_them(store: Store, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match=r"none: looked for \.mp3, \.flac"):
        scan_library([tmp_path / "none"], store)
    with pytest.raises(DataError, match="nowhere does not exist"):
        scan_library([tmp_path / "nowhere"], store)


def test_names_that_are_not_utf8_are_registered_and_found_again(store: Store, music: Path) -> None:
    odd = os.fsencode(music) + b"/caf\xe9 100%.ogg"
    (music / "three.ogg").rename(os.fsdecode(odd))
    assert counters(scan_library([music], store)) == {"created": 3}
    track = next(track for track in store.tracks() if track.artist is None)
    assert os.fsencode(str(track.path)) == odd
    assert track.title == "caf? 100%"
    assert Path(str(track.path)).stat().st_size > 0
    assert counters(scan_library([music], store)) == {"unchanged": 3}
    shutil.copy(odd, music / "copy.ogg")
    report = scan_library([music], store)
    report.write_problems(music / "problems.csv")
    assert b"caf\\udce9 100%.ogg" in (music / "problems.csv").read_bytes()


# -- what is recognised --------------------------------------------------------------------------


def test_a_second_scan_reads_nothing(
    store: Store, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan_library([music], store)
    before = store.tracks()
    monkeypatch.setattr("data.importers.library.read_track", None)
    assert counters(scan_library([music], store)) == {"unchanged": 3}
    assert store.tracks() == before


def test_a_file_that_was_only_touched_is_unchanged(store: Store, music: Path) -> None:
    scan_library([music], store)
    os.utime(music / "three.ogg", (1, 1))
    assert counters(scan_library([music], store)) == {"unchanged": 3}
    assert dict(store.file_stamps().values())[by_title(store)["three"].track_id].mtime_ns == 10**9


def test_a_retagged_file_keeps_its_id_and_loses_its_embeddings(store: Store, music: Path) -> None:
    scan_library([music], store)
    before = by_title(store)["One"]
    vector = np.ones(2, np.float32)
    store.put_embeddings("e", [(track.track_id, vector, "d") for track in store.tracks()])
    retag(music / "a" / "one.flac", title="Uno")
    assert counters(scan_library([music], store)) == {"updated": 1, "unchanged": 2}
    after = by_title(store)["Uno"]
    assert (after.track_id, after.added_at) == (before.track_id, before.added_at)
    assert store.embedded("e") == {track.track_id for track in store.tracks()} - {after.track_id}


def test_a_moved_file_keeps_its_id_and_its_embeddings(store: Store, music: Path) -> None:
    scan_library([music], store)
    before = by_title(store)["Two"]
    store.put_embeddings("e", [(before.track_id, np.ones(2, np.float32), "d")])
    (music / "b" / "two.mp3").rename(music / "2.mp3")
    assert counters(scan_library([music], store)) == {"moved": 1, "unchanged": 2}
    after = by_title(store)["Two"]
    assert (after.track_id, after.path) == (before.track_id, str(music / "2.mp3"))
    assert store.embedded("e") == {before.track_id}


def test_a_copy_is_skipped_while_the_first_is_in_its_place(store: Store, music: Path) -> None:
    shutil.copy2(music / "a" / "one.flac", music / "a" / "z.flac")
    report = scan_library([music], store)
    assert counters(report) == {"created": 3, "duplicates": 1, "skipped": 1}
    assert report.problems[0].where == str(music / "a" / "z.flac")
    assert "one.flac" in report.problems[0].reason
    assert store.n_tracks() == 3


@pytest.mark.parametrize(
    "tags",
    [
        {"musicbrainz_trackid": MBID, "title": "First"},
        {"isrc": "USRC17607839", "title": "First"},
        {"title": "The Sóng!", "artist": "Ann"},
    ],
)
def test_a_file_that_was_moved_and_retagged_is_recognised(
    store: Store, tmp_path: Path, tags: dict[str, str]
) -> None:
    music = tmp_path / "music"
    path = make_audio(music / "old.flac", 1, **tags)
    make_audio(music / "other.flac", 2, title="Other", artist="Ann")
    scan_library([music], store)
    before = next(track for track in store.tracks() if track.path == str(path))
    path.rename(music / "new.flac")
    kept = {name: tags[name] for name in tags if name != "title"}
    retag(music / "new.flac", genre="Folk", title="the SONG" if len(kept) and "artist" in kept
          else "Renamed", **kept)  # fmt: skip
    assert counters(scan_library([music], store)) == {"moved": 1, "unchanged": 1}
    after = store.track(before.track_id)
    assert (after.genre, after.path) == ("Folk", str(music / "new.flac"))


def test_another_recording_of_the_same_name_is_another_track(store: Store, tmp_path: Path) -> None:
    path = make_audio(tmp_path / "m" / "a.flac", 1, seconds=0.3, title="Song", artist="Ann")
    scan_library([tmp_path / "m"], store)
    path.unlink()
    make_audio(tmp_path / "m" / "b.flac", 2, seconds=3.0, title="Song", artist="Ann")
    report = scan_library([tmp_path / "m"], store)
    assert counters(report) == {"created": 1}
    assert report.notes == ["1 tracks of the catalogue are without their file"]


def test_files_that_swap_names_keep_their_identity(store: Store, tmp_path: Path) -> None:
    music = tmp_path / "music"
    for number in (1, 2, 3):
        make_audio(music / f"{number:02}.flac", number, title=f"T{number}")
    scan_library([music], store)
    ids = {title: track.track_id for title, track in by_title(store).items()}
    for number in (3, 2, 1):
        (music / f"{number:02}.flac").rename(music / f"{number + 1:02}.flac")
    make_audio(music / "01.flac", 9, title="New")
    report = scan_library([music], store)
    assert counters(report) == {"created": 1, "moved": 3}
    after = by_title(store)
    assert {title: after[title].track_id for title in ids} == ids
    assert [Path(str(after[t].path)).name for t in ("New", "T1", "T2", "T3")] == [
        "01.flac", "02.flac", "03.flac", "04.flac",
    ]  # fmt: skip
    assert counters(scan_library([music], store)) == {"unchanged": 4}


def test_a_track_whose_place_was_taken_is_left_without_audio(store: Store, music: Path) -> None:
    scan_library([music], store)
    lost = by_title(store)["One"].track_id
    content = (music / "a" / "one.flac").read_bytes()
    make_audio(music / "four.flac", 4, title="Four")
    scan_library([music], store)
    (music / "four.flac").replace(music / "a" / "one.flac")
    assert counters(scan_library([music], store)) == {"moved": 1, "unchanged": 2}
    assert store.track(lost).path is None
    (music / "back.flac").write_bytes(content)
    scan_library([music], store)
    assert store.track(lost).path == str(music / "back.flac")


def test_the_first_bytes_of_a_retagged_track_may_come_back(store: Store, music: Path) -> None:
    scan_library([music], store)
    content = (music / "a" / "one.flac").read_bytes()
    retag(music / "a" / "one.flac", title="Uno")
    scan_library([music], store)
    (music / "again.flac").write_bytes(content)
    assert counters(scan_library([music], store)) == {"created": 1, "unchanged": 3}
    assert store.n_tracks() == 4


def test_a_file_that_becomes_unreadable_keeps_its_track(store: Store, music: Path) -> None:
    scan_library([music], store)
    (music / "b" / "two.mp3").write_text("broken")
    assert counters(scan_library([music], store)) == {"unchanged": 2, "skipped": 1}
    assert by_title(store)["Two"].artist == "Bob"


def test_files_complete_the_tracks_of_a_catalogue(store: Store, music: Path) -> None:
    store.upsert_tracks([Track("mine", title="one", artist="ANN", genre="Pop"),
                         Track("here", path=str(music / "three.ogg"), title="Third")])  # fmt: skip
    assert counters(scan_library([music], store)) == {"created": 1, "updated": 1, "matched": 1}
    mine, here = store.track("mine"), store.track("here")
    assert (mine.title, mine.album, mine.genre) == ("one", "First", "Pop")
    assert mine.path == str(music / "a" / "one.flac")
    assert here.title == "Third"
    assert here.duration == pytest.approx(0.3, abs=0.1)
    assert counters(scan_library([music], store)) == {"unchanged": 3}


def test_vectors_stay_where_a_file_is_read_that_a_table_has_named(
    store: Store, music: Path, tmp_path: Path
) -> None:
    table = tmp_path / "c.csv"
    table.write_text("track_id,path\nsame,music/a/one.flac\nchanged,music/three.ogg\n")
    import_catalogue(table, store)
    vector = np.ones(2, np.float32)
    store.put_embeddings("e", [("same", vector, "d"), ("changed", vector, "d")])
    make_audio(music / "three.ogg", 4)
    os.utime(music / "three.ogg", (2e9, 2e9))
    assert counters(scan_library([music], store)) == {"created": 1, "updated": 2}
    assert store.embedded("e") == {"same"}


def test_vectors_go_where_a_track_without_a_file_is_found_in_another(
    store: Store, music: Path
) -> None:
    gone = str(music / "gone.flac")
    store.upsert_tracks([Track("mine", gone, title="One", artist="Ann", duration=0.3)])
    store.put_embeddings("e", [("mine", np.ones(2, np.float32), "d")])
    assert counters(scan_library([music], store)) == {"created": 2, "moved": 1}
    assert store.track("mine").path == str(music / "a" / "one.flac")
    assert store.embedded("e") == set()


def test_a_withdrawn_track_does_not_come_back(store: Store, music: Path) -> None:
    scan_library([music], store)
    two = by_title(store)["Two"].track_id
    store.set_withdrawn([two])
    (music / "b" / "two.mp3").rename(music / "moved.mp3")
    scan_library([music], store)
    assert two not in {track.track_id for track in store.tracks()}
    assert store.n_tracks() == 2


SCANNING = """
import sys
from pathlib import Path
from data.importers import library
from data.store import Store
library.BATCH = 3
with Store.open(sys.argv[2]) as store:
    library.scan_library([Path(sys.argv[1])], store)
"""


def test_a_scan_that_is_killed_goes_on_where_it_was(store: Store, url: str, tmp_path: Path) -> None:
    music = tmp_path / "music"
    first = make_audio(music / "000.flac", 0)
    content = first.read_bytes()
    for number in range(1, 200):
        # Bytes after the last frame make other files of one recording.
        (music / f"{number:03}.flac").write_bytes(content + number.to_bytes(2, "big"))
    process = subprocess.Popen([sys.executable, "-c", SCANNING, str(music), url])
    while store.n_tracks() < 5 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = store.n_tracks()
    report = scan_library([music], store)
    assert report.unchanged == left
    assert (report.created, report.problems) == (200 - left, [])
    assert store.n_tracks() == 200


# -- when two descriptions mean one recording ----------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Beyoncé", "BEYONCE"),
        ("AC/DC", "ac dc"),
        ("  Guns  N' Roses", "guns n roses"),
        ("Straße", "STRASSE"),
        ("Ｆｕｌｌ", "full"),
        ("Motörhead", "Moto\u0308rhead"),
    ],
)
def test_spellings_of_one_name_are_equal(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"), [("か", "が"), ("!!!", "???"), ("नमक", "नमकी"), ("One", "Two")]
)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


def test_blank_names_have_no_key() -> None:
    assert name_key(None, "x") is None
    assert name_key("x", " ") is None
    assert normalise(None) == ""


def test_of_several_tracks_the_closest_in_duration_is_found() -> None:
    tracks = [Track(f"t{d}", artist="a", title="b", duration=float(d)) for d in (100, 102, 104)]
    finder = TrackFinder(tracks)
    wanted = Track("", artist="A", title="B", duration=102.9)
    assert finder.find(wanted) == tracks[1]
    finder.remove("t102")
    assert finder.find(wanted) == tracks[2]
    finder.remove("t104")
    assert finder.find(wanted) is None


@pytest.mark.parametrize(
    ("date", "year"),
    [("1999", 1999), ("1/2/2003", 2003), ("0000", None), ("", None), (None, None), ("99999", None)],
)
def test_years_are_found_in_dates(date: str | None, year: int | None) -> None:
    assert parse_year(date) == year


def test_tags_are_one_line_of_valid_text() -> None:
    assert clean_text(" a\0b\n c\udcff ") == "a b c?"
    assert clean_text("\0 \n") is None
    assert len(str(clean_text("x" * 10_000))) == 500
