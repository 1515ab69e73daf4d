import csv
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile

from data.demo import DemoSize, write_demo_world
from data.demo.catalogue import plan_songs
from data.demo.files import encode, write_song
from data.errors import DataError, ParameterError
from data.importers.tags import read_track

TINY = DemoSize(n_artists=8, tracks_per_artist=2, n_listeners=30, n_events=1500, seconds=4.0)
SMALLEST = DemoSize(n_artists=2, tracks_per_artist=2, n_listeners=4, n_events=60, seconds=2.0)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_demo_world(tmp_path_factory.mktemp("demo") / "world", size=TINY, workers=1)


def audio_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def rows(listens: Path) -> list[dict[str, str]]:
    with listens.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_world_holds_the_counts_it_reports(world):
    assert (world.n_tracks, world.n_artists, world.n_listeners) == (16, 8, 30)
    assert len(audio_files(world.music)) == 16
    log = rows(world.listens)
    assert len(log) == world.n_events == 1500
    assert len({row["user_id"] for row in log}) == 30


def test_folder_holds_nothing_but_music_the_log_and_the_seed(world):
    folder = world.listens.parent
    assert {path.name for path in folder.iterdir()} == {"music", "listens.csv", "world.json"}
    assert set(json.loads((folder / "world.json").read_text())) == {"seed", "size"}


def test_tags_agree_with_the_layout(world):
    genres = set()
    for path in audio_files(world.music):
        tags = mutagen.File(path, easy=True)
        if path.suffix == ".wav":  # mutagen has no easy names for ID3 in WAV
            tags = {
                name: [str(tags.tags[frame])]
                for name, frame in {
                    "title": "TIT2",
                    "artist": "TPE1",
                    "album": "TALB",
                    "albumartist": "TPE2",
                    "genre": "TCON",
                    "date": "TDRC",
                    "tracknumber": "TRCK",
                }.items()
            }
        artist, album, name = path.relative_to(world.music).parts
        assert tags["artist"] == tags["albumartist"] == [artist]
        assert tags["album"] == [album]
        number = int(tags["tracknumber"][0])
        assert name == f"{number:02d} {tags['title'][0]}{path.suffix}"
        assert 2000 <= int(tags["date"][0]) <= 2026
        genres.add(tags["genre"][0])
    assert len(genres) == 8


def test_files_name_the_labels_of_the_plan(world):
    folder = world.listens.parent
    planned = {song.path: song.artist.label for song in plan_songs(7, TINY)}
    assert {path: read_track(folder / path, "t").label for path in planned} == planned


def test_small_labels_keep_to_a_genre_and_a_sound_and_large_ones_do_not():
    artists = {song.artist.name: song.artist for song in plan_songs(7, DemoSize())}.values()
    signed = {
        label: [a for a in artists if a.label == label] for label in {a.label for a in artists}
    }
    genres = {label: {a.genre.name for a in theirs} for label, theirs in signed.items()}
    large = {label for label, kinds in genres.items() if len(kinds) > 1} - {None}
    assert len(large) == 2
    assert len(genres) == 1 + 2 + 2 * 8
    assert len(signed[None]) == 8
    for label in genres.keys() - large - {None}:
        rivals = [
            a for a in artists
            if a.genre.name in genres[label] and a.label not in {label, None} | large
        ]  # fmt: skip
        own = [a.dials.brightness for a in signed[label]]
        others = [a.dials.brightness for a in rivals]
        assert max(own) < min(others) or min(own) > max(others)


def test_library_mixes_formats(world):
    assert {path.suffix for path in audio_files(world.music)} >= {".mp3", ".ogg", ".flac", ".wav"}


def test_audio_sounds_throughout_and_never_clips(world):
    for path in audio_files(world.music):
        y, sr = soundfile.read(path, always_2d=True)
        assert sr in (22_050, 44_100, 24_000, 48_000)
        assert 0.88 * TINY.seconds < len(y) / sr < 1.12 * TINY.seconds
        assert np.abs(y).max() < 0.99
        assert np.sqrt(np.mean(np.square(y))) > 0.02


def test_no_event_precedes_the_time_of_its_file(world):
    folder = world.listens.parent
    for row in rows(world.listens):
        when = datetime.fromisoformat(row["timestamp"]).timestamp()
        assert when >= (folder / row["path"]).stat().st_mtime


def test_play_ratio_is_given_for_plays_only(world):
    for row in rows(world.listens):
        assert row["event"] in {"play", "like", "dislike", "skip"}
        if row["event"] == "play":
            assert 0 <= float(row["play_ratio"]) <= 1
        else:
            assert row["play_ratio"] == ""


def test_number_of_workers_changes_neither_log_nor_samples(tmp_path):
    progress = []
    one = write_demo_world(tmp_path / "one", size=SMALLEST, workers=1)
    two = write_demo_world(
        tmp_path / "two", size=SMALLEST, workers=2, on_progress=lambda *now: progress.append(now)
    )
    assert two.listens.read_bytes() == one.listens.read_bytes()
    ours, theirs = audio_files(one.music), audio_files(two.music)
    assert [path.relative_to(one.music) for path in ours] == [
        path.relative_to(two.music) for path in theirs
    ]
    for path, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(soundfile.read(path)[0], soundfile.read(other)[0])
        assert path.stat().st_mtime == other.stat().st_mtime
    assert progress == [(done, 4) for done in range(5)]


@pytest.mark.parametrize("extension", ["ogg", "opus", "mp3", "flac", "wav"])
def test_a_song_is_the_same_file_each_time(tmp_path, extension):
    song = plan_songs(0, TINY)[0]
    song = replace(song, extension=extension, sr=24_000)
    one, two = (write_song(song, tmp_path / folder) for folder in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert len(soundfile.read(one)[0]) == len(soundfile.read(two)[0]) > 24_000
    assert mutagen.File(one) is not None


def test_finished_world_is_left_alone(world):
    before = {path: path.stat().st_mtime_ns for path in audio_files(world.listens.parent)}
    progress = []
    again = write_demo_world(
        world.listens.parent, size=TINY, workers=1, on_progress=lambda *now: progress.append(now)
    )
    assert again == world
    assert {path: path.stat().st_mtime_ns for path in audio_files(world.listens.parent)} == before
    assert progress == [(16, 16)]


def test_interrupted_world_is_completed_to_the_same(tmp_path):
    world = write_demo_world(tmp_path, size=SMALLEST, workers=1)
    log = world.listens.read_bytes()
    lost, kept, *_ = audio_files(world.music)
    samples, stamp = soundfile.read(lost)[0], kept.stat().st_ctime_ns
    world.listens.unlink()
    lost.unlink()
    lost.with_name(lost.name + ".part").write_bytes(b"half a file")

    write_demo_world(tmp_path, size=SMALLEST, workers=1)

    assert world.listens.read_bytes() == log
    np.testing.assert_array_equal(soundfile.read(lost)[0], samples)
    assert kept.stat().st_ctime_ns == stamp
    assert not list(tmp_path.rglob("*.part"))


def test_folder_of_another_world_is_refused(world):
    with pytest.raises(DataError, match=r"'seed': 8.*'seed': 7"):
        write_demo_world(world.listens.parent, seed=8, size=TINY)
    with pytest.raises(DataError, match="name another folder"):
        write_demo_world(world.listens.parent)


def test_folder_with_other_files_is_refused_untouched(tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(DataError, match="expected an empty folder"):
        write_demo_world(tmp_path, size=TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "world").write_text("")
    with pytest.raises(DataError, match="is a file"):
        write_demo_world(tmp_path / "world", size=TINY)


def test_damaged_note_of_seed_and_size_is_refused(tmp_path):
    (tmp_path / "world.json").write_text("{")
    with pytest.raises(DataError, match=r"as JSON in .*world\.json"):
        write_demo_world(tmp_path, size=TINY)


@pytest.mark.parametrize("arguments", [{"workers": 0}, {"seed": -1}])
def test_arguments_out_of_range_are_refused(tmp_path, arguments):
    with pytest.raises(ParameterError, match=next(iter(arguments))):
        write_demo_world(tmp_path, size=TINY, **arguments)


@pytest.mark.parametrize(
    "size",
    [
        {"n_artists": 0},
        {"tracks_per_artist": 0},
        {"n_listeners": 0},
        {"n_events": 100},
        {"n_events": 10**9},
        {"weeks": 7},
        {"seconds": float("nan")},
        {"seconds": 10_000.0},
    ],
)
def test_sizes_that_make_no_world_are_refused(size):
    with pytest.raises(ParameterError, match=next(iter(size))):
        DemoSize(**size)


@pytest.mark.parametrize("extension", ["mp3", "flac", "ogg", "wav", "opus"])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_keeps_length_and_loudness(tmp_path, extension, channels):
    sr = 24_000
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(3 * sr) / sr).astype(np.float32)
    y = np.repeat(tone[:, None], channels, axis=1)
    encode(y, tmp_path / "tone", extension, sr)
    back, rate = soundfile.read(tmp_path / "tone", always_2d=True)
    assert (rate, back.shape[1]) == (sr, channels)
    assert len(back) == pytest.approx(len(y), abs=3000)
    assert np.sqrt(np.mean(np.square(back))) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)


def test_default_plan_uses_every_format_and_mostly_mp3():
    songs = plan_songs(7, DemoSize())
    counts = {
        extension: sum(song.extension == extension for song in songs)
        for extension in ("mp3", "flac", "ogg", "wav", "opus")
    }
    assert max(counts, key=counts.__getitem__) == "mp3"
    assert min(counts.values()) >= 5
    assert {song.channels for song in songs} == {1, 2}
    assert {song.sr for song in songs} >= {22_050, 44_100}


def test_paths_differ_even_where_case_does_not_count():
    paths = [song.path.casefold() for song in plan_songs(7, DemoSize())]
    assert len(set(paths)) == len(paths) == 320
