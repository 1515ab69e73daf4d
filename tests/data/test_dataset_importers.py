"""Data sets with a layout of their own: FMA's table and clips, folders that are genres."""

import csv
from collections.abc import Sequence
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile

from data.errors import DataError, ParameterError
from data.importers.fma import import_fma, official_split, open_fma
from data.importers.fma_table import Subset
from data.importers.genre_folders import import_genre_folders
from data.importers.library import scan_library
from data.importers.track_split import read_split, split_lines
from data.report import ImportReport
from data.store import Store
from data.tracks import Track

HEADER = [
    ("", ""), ("album", "date_released"), ("album", "information"), ("album", "tags"),
    ("album", "title"), ("artist", "name"), ("set", "split"), ("set", "subset"),
    ("track", "date_recorded"), ("track", "duration"), ("track", "genre_top"),
    ("track", "genres"), ("track", "title"),
]  # fmt: skip


def fma_row(number: int, **cells: object) -> list[str]:
    """A row of the table, with cells that hold lists, line breaks and long texts."""
    described = {
        "album_date_released": "2009-01-06 00:00:00",
        "album_information": '<p>Line one,\n"line" two</p>' + "x" * 200_000,
        "album_tags": "['lo-fi', 'home recording']",
        "album_title": "AWOL - A Way Of Life",
        "artist_name": "AWOL",
        "set_split": "training",
        "set_subset": "small",
        "track_date_recorded": "2008-11-26 00:00:00",
        "track_duration": "168",
        "track_genre_top": "Hip-Hop",
        "track_genres": "[21, 45]",
        "track_title": f"Song {number}",
    } | cells
    return [str(number), *(str(described["_".join(names)]) for names in HEADER[1:])]


def write_table(folder: Path, rows: Sequence[list[str]], *, names_index: bool = True) -> Path:
    folder.mkdir(exist_ok=True)
    table = folder / "tracks.csv"
    with table.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerows(zip(*HEADER, strict=True))
        if names_index:
            writer.writerow(["track_id", *[""] * (len(HEADER) - 1)])
        writer.writerows(rows)
    return table


def clip(audio: Path, number: int, seconds: float = 1.0) -> Path:
    path = audio / f"{number:06d}"[:3] / f"{number:06d}.mp3"
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(number)
    soundfile.write(path, 0.1 * rng.standard_normal(int(8000 * seconds)), 8000)
    return path


def counters(report: ImportReport) -> dict[str, int]:
    names = ("created", "updated", "unchanged", "moved", "duplicates", "skipped", "ignored")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


@pytest.fixture
def fma(tmp_path: Path) -> tuple[Path, Path]:
    """Metadata and audio: good clips of each part, broken ones, rows of other subsets."""
    metadata, audio = tmp_path / "fma_metadata", tmp_path / "fma_small"
    rows = [
        fma_row(2),
        fma_row(5, set_split="validation", track_genre_top="", album_date_released=""),
        fma_row(10, set_split="test", artist_name="Kurt Vile", album_title=""),
        fma_row(140),
        fma_row(141),
        fma_row(142),
        fma_row(99134),
        fma_row(155320, set_subset="medium"),
        fma_row(155321, set_subset="large"),
    ]
    write_table(metadata, rows)
    for number in (2, 5, 10, 140, 155320):
        clip(audio, number)
    whole = clip(audio, 140, 3.0)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])  # cut off
    clip(audio, 141).write_bytes(b"")
    clip(audio, 142).write_text("<html>404 Not Found</html>")
    (audio / "README.txt").write_text("about")
    return metadata, audio


def by_name(store: Store) -> dict[str, Track]:
    return {Path(track.path or "").name: track for track in store.tracks()}


# -- FMA -----------------------------------------------------------------------------------------


def test_every_row_of_the_subset_is_a_track_or_a_problem_with_its_reason(store, fma):
    metadata, audio = fma
    report = import_fma(open_fma(metadata, audio), store)
    assert counters(report) == {"created": 4, "skipped": 3, "ignored": 1}
    reasons = {Path(where).name: reason for where, reason in report.problems}
    assert reasons.keys() == {"000141.mp3", "000142.mp3", "099134.mp3"}
    assert reasons["000141.mp3"] == "the file is empty"
    assert "not readable as audio" in reasons["000142.mp3"]
    assert reasons["099134.mp3"] == "the clip is missing"
    assert report.notes == ["4 clips are shorter than 29 s"]


def test_the_label_is_the_tags_or_the_first_that_the_table_knows_of_the_artist(
    store, tmp_path, monkeypatch
):
    metadata, audio = tmp_path / "fma_metadata", tmp_path / "fma_small"
    monkeypatch.setitem(globals(), "HEADER", [*HEADER, ("artist", "associated_labels")])
    labels = {2: "Mind's Eye, Warp", 5: "Self-Released\nWarp", 10: "", 140: "Warp"}
    write_table(metadata, [fma_row(n, artist_associated_labels=text) for n, text in labels.items()])
    for number in labels:
        path = clip(audio, number)
    tags = mutagen.File(path, easy=True)
    tags["organization"] = "Tagged"
    tags.save()
    import_fma(open_fma(metadata, audio), store)
    found = {name: track.label for name, track in by_name(store).items()}
    assert found == {
        "000002.mp3": "Mind's Eye",
        "000005.mp3": "Warp",
        "000010.mp3": None,
        "000140.mp3": "Tagged",
    }


def test_tracks_are_described_by_the_table(store, fma):
    import_fma(open_fma(*fma), store)
    tracks = by_name(store)
    first = tracks["000002.mp3"]
    assert (first.title, first.artist, first.album) == ("Song 2", "AWOL", "AWOL - A Way Of Life")
    assert (first.genre, first.year) == ("Hip-Hop", 2009)
    assert first.duration == pytest.approx(1.0, abs=0.2)  # of the clip, not of the whole track
    assert (tracks["000005.mp3"].genre, tracks["000005.mp3"].year) == (None, 2008)
    assert (tracks["000010.mp3"].artist, tracks["000010.mp3"].album) == ("Kurt Vile", None)


def test_the_official_split_names_the_tracks_of_the_store(store, fma):
    clips = open_fma(*fma)
    import_fma(clips, store)
    ids = {name: track.track_id for name, track in by_name(store).items()}
    assert official_split(clips, store.tracks()) == {
        ids["000002.mp3"]: "train",
        ids["000005.mp3"]: "validation",
        ids["000010.mp3"]: "test",
        ids["000140.mp3"]: "train",
    }


def test_a_split_is_read_as_it_was_written(tmp_path):
    split = {"b": "test", "a": "train", "c": "validation"}
    file = tmp_path / "split.csv"
    file.write_text(split_lines(split))
    assert read_split(file) == split


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("track,split\n", "no column track_id"),
        ("track_id,split\na,training\n", "row 2: expected a track in one of train"),
        ("track_id,split\n,train\n", "row 2"),
        ("track_id,split\na,train\nb,test\na,test\n", "row 4"),
        ("track_id,split\na,train,\n", "3 cells instead of 2"),
    ],
)
def test_a_split_that_makes_no_sense_is_refused(tmp_path, text, reason):
    file = tmp_path / "split.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=reason):
        read_split(file)


def test_ids_are_those_of_library_add_whichever_comes_first(store, fma, tmp_path):
    metadata, audio = fma
    scan_library([audio], store)
    before = {track.track_id for track in store.tracks()}
    report = import_fma(open_fma(metadata, audio), store)
    assert counters(report) == {"updated": 4, "skipped": 3, "ignored": 1}
    assert {track.track_id for track in store.tracks()} == before
    assert by_name(store)["000002.mp3"].genre == "Hip-Hop"


def test_importing_again_changes_nothing(store, fma):
    import_fma(open_fma(*fma), store)
    before = store.tracks()
    report = import_fma(open_fma(*fma), store)
    assert counters(report) == {"unchanged": 4, "skipped": 3, "ignored": 1}
    assert store.tracks() == before


def test_a_withdrawn_clip_stays_withdrawn(store, fma):
    clips = open_fma(*fma)
    import_fma(clips, store)
    gone = by_name(store)["000002.mp3"].track_id
    store.set_withdrawn([gone])
    import_fma(clips, store)
    assert gone not in {track.track_id for track in store.tracks()}


@pytest.mark.parametrize(("subset", "created"), [(Subset.MEDIUM, 5), (Subset.LARGE, 5)])
def test_a_larger_subset_holds_the_smaller_ones(store, fma, subset, created):
    report = import_fma(open_fma(*fma, subset), store)
    assert report.created == created
    assert report.skipped == {Subset.MEDIUM: 3, Subset.LARGE: 4}[subset]


def test_the_subset_comes_from_the_name_of_the_folder_or_is_asked_for(fma):
    metadata, audio = fma
    assert open_fma(metadata / "tracks.csv", audio).subset is Subset.SMALL
    plain = audio.rename(audio.with_name("clips"))
    with pytest.raises(ParameterError, match="--subset"):
        open_fma(metadata, plain)
    assert len(open_fma(metadata, plain, Subset.MEDIUM).rows) == 8


def test_a_row_that_makes_no_sense_is_left_out_and_named(store, fma):
    metadata, audio = fma
    rows = [
        fma_row(2),
        fma_row(5, set_subset="tiny"),
        ["six", *fma_row(6)[1:]],
        fma_row(10)[:-1],
        fma_row(2),
        fma_row(10, set_split="holdout"),
    ]
    write_table(metadata, rows, names_index=False)
    clips = open_fma(metadata, audio)
    report = import_fma(clips, store)
    assert counters(report) == {"created": 2, "skipped": 4, "ignored": 5}
    assert [(where, reason) for where, reason in report.problems] == [
        ("tracks.csv row 4", "'tiny' is no subset"),
        ("tracks.csv row 5", "the track's id 'six' is no number"),
        ("tracks.csv row 6", "12 cells instead of 13"),
        ("tracks.csv row 7", "track 2 is there already"),
        ("tracks.csv row 8", "'holdout' is no part of a split; the track is without one"),
    ]
    assert list(official_split(clips, store.tracks()).values()) == ["train"]


def test_a_table_without_a_column_is_refused(fma):
    metadata, audio = fma
    table = metadata / "tracks.csv"
    table.write_text(table.read_text().replace("genre_top", "genre", 1))
    with pytest.raises(DataError, match="without track/genre_top it is another table"):
        open_fma(metadata, audio)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("track_id,title,split\n2,Food,training\n", "header of two rows"),
        ("", "header of two rows"),
        ("\xff\xfe", "not UTF-8"),
    ],
)
def test_another_table_is_refused(fma, content, reason):
    metadata, audio = fma
    (metadata / "tracks.csv").write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=reason):
        open_fma(metadata, audio)


def test_folders_that_are_missing_empty_or_mixed_up_are_refused(store, fma, tmp_path):
    metadata, audio = fma
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="name the folder that fma_metadata"):
        open_fma(empty, audio)
    with pytest.raises(DataError, match="no folder"):
        open_fma(metadata, tmp_path / "none")
    with pytest.raises(DataError, match=r"none of the 7 clips .* expected 000/000002\.mp3"):
        import_fma(open_fma(metadata, empty, Subset.SMALL), store)


# -- genre folders -------------------------------------------------------------------------------


def make_wav(path: Path, seed: int, **tags: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    soundfile.write(path, 0.1 * rng.standard_normal(4000), 8000)
    if tags:
        file = mutagen.File(path, easy=True)
        file.update(tags)
        file.save()
    return path


@pytest.fixture
def genres(tmp_path: Path) -> Path:
    folder = tmp_path / "genres"
    make_wav(folder / "blues" / "blues.00000.wav", 1)
    make_wav(folder / "blues" / "blues.00001.wav", 2)
    make_wav(folder / "hip hop" / "artist" / "album" / "song.flac", 3, genre="Rap", title="Song")
    return folder


def genre_of(store: Store) -> dict[str, str | None]:
    return {name: track.genre for name, track in by_name(store).items()}


def test_the_first_folder_is_the_genre_and_goes_before_the_tags(store, genres):
    report = import_genre_folders([genres], store)
    assert counters(report) == {"created": 3}
    assert genre_of(store) == {
        "blues.00000.wav": "blues", "blues.00001.wav": "blues", "song.flac": "hip hop",
    }  # fmt: skip
    assert by_name(store)["song.flac"].title == "Song"
    assert counters(import_genre_folders([genres], store)) == {"unchanged": 3}


def test_tracks_that_are_registered_already_get_their_genre(store, genres):
    scan_library([genres], store)
    assert counters(import_genre_folders([genres], store)) == {"updated": 3}
    assert set(genre_of(store).values()) == {"blues", "hip hop"}


def test_a_file_outside_of_genre_folders_keeps_its_tag_and_is_counted(store, genres):
    make_wav(genres / "stray.flac", 4, genre="Polka")
    report = import_genre_folders([genres], store)
    assert genre_of(store)["stray.flac"] == "Polka"
    assert report.notes == ["1 files lie in no genre folder; they keep the genre of their tags"]


def test_tracks_of_other_folders_are_left_alone(store, genres, tmp_path):
    other = make_wav(tmp_path / "genres2" / "x" / "other.flac", 5, genre="Ska")
    scan_library([other], store)
    import_genre_folders([genres], store)
    assert genre_of(store)["other.flac"] == "Ska"


def test_of_nested_folders_the_inner_one_counts(store, genres):
    import_genre_folders([genres, genres / "hip hop"], store)
    assert genre_of(store)["song.flac"] == "artist"


def test_one_genre_for_everything_is_remarked_on(store, genres):
    [note] = import_genre_folders([genres.parent], store).notes
    assert "every track has the genre 'genres'" in note


def test_broken_files_in_genre_folders_are_listed(store, genres):
    (genres / "blues" / "jazz.00054.wav").write_bytes(b"RIFF junk")
    report = import_genre_folders([genres], store)
    assert counters(report) == {"created": 3, "skipped": 1}


def test_genre_folders_that_are_files_or_missing_are_refused(store, genres):
    with pytest.raises(DataError, match="is a file"):
        import_genre_folders([genres / "blues" / "blues.00000.wav"], store)
    with pytest.raises(DataError, match="does not exist"):
        import_genre_folders([genres / "none"], store)
