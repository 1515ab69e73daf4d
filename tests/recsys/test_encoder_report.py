from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audio_model.encoder import EncoderCard
from audio_model.shipped import SHIPPED_ENCODER
from data.errors import DataError, NotFoundError
from data.store import Store
from data.tracks import Track
from recsys.encoder_report.build import HTML_FILE, JSON_FILE, ReportOptions, report_on_encoder
from recsys.encoder_report.judge import judge
from recsys.encoder_report.labels import Labels
from recsys.encoder_report.recognised import summarise_recognition
from recsys.encoder_report.schema import EncoderReport
from recsys.encoder_report.subjects import encoder_folder
from recsys.encoder_report.views import GREYS, PALETTE, genre_colours, tsne_view
from recsys.workspace import Workspace

CARD = EncoderCard.read(SHIPPED_ENCODER)
N_TRACKS, N_GENRES, N_ARTISTS = 48, 3, 12
ROWS = np.arange(N_TRACKS)
GENRE, ARTIST, ALBUM = ROWS % N_GENRES, ROWS % N_ARTISTS, ROWS % (2 * N_ARTISTS)
HOSTILE = "</title><script>alert('1')</script> $x_{"


@contextmanager
def unseen(task: str):
    yield lambda done, total: None


def planted(seed: int = 0) -> np.ndarray:
    """A genre is a place, an artist a place in it, an album one in that."""
    rng = np.random.default_rng(seed)
    genres, artists, albums = (
        rng.standard_normal((n, CARD.dimension)) for n in (N_GENRES, N_ARTISTS, 2 * N_ARTISTS)
    )
    noise = rng.standard_normal((N_TRACKS, CARD.dimension))
    return (
        genres[GENRE] + 0.5 * artists[ARTIST] + 0.2 * albums[ALBUM] + 0.05 * noise
    ).astype(np.float32)  # fmt: skip


def catalogue() -> list[Track]:
    return [
        Track(
            f"t{row:02d}",
            title=f"title {row}" if row else HOSTILE,
            artist=f" Artist {ARTIST[row]}",
            album="Greatest Hits" if row % 2 else "greatest hits ",
            genre=f"genre {GENRE[row]}",
        )
        for row in ROWS
    ]


@pytest.fixture
def filled(tmp_path: Path):
    workspace = Workspace.open(tmp_path / "home")
    with workspace.open_store() as store:
        store.upsert_tracks(catalogue())
        put(store, CARD.encoder_id, planted())
        yield workspace, store


def put(store: Store, encoder_id: str, vectors: np.ndarray) -> None:
    rows = [(f"t{row:02d}", vector, "") for row, vector in enumerate(vectors)]
    store.put_embeddings(encoder_id, rows)


def run(filled, out: Path, **options) -> EncoderReport:
    chosen = ReportOptions((), {}, **options)
    return report_on_encoder(*filled, SHIPPED_ENCODER, out, chosen, unseen)[0]


def judged(vectors: np.ndarray, tracks: list[Track] | None = None, split=None):
    tracks = catalogue() if tracks is None else tracks
    ids = tuple(track.track_id for track in tracks)
    return judge(vectors, Labels.of(tracks), track_ids=ids, split=split, seed=0)


# Labels and metrics


def test_labels_ignore_case_and_blanks_and_know_an_album_by_its_artist() -> None:
    tracks = [
        Track("a", artist=" Ada", album="Hits", genre="Rock "),
        Track("b", artist="ADA", album="hits", genre="rock"),
        Track("c", artist="Bo", album="Hits", album_artist="Ada"),
        Track("d", artist="Bo", album="Hits"),
        Track("e", artist="Unknown Artist"),
    ]
    labels = Labels.of(tracks)
    assert labels.genre == ("rock", "rock", None, None, None)
    assert labels.artist == ("ada", "ada", "bo", "bo", None)
    assert labels.album[0] == labels.album[1] == labels.album[2] != labels.album[3]
    assert labels.album[4] is None
    assert labels.summary()["artist"].model_dump() == {"n_tracks": 4, "n_values": 2}


def test_a_space_that_holds_the_labels_is_told_from_one_that_does_not() -> None:
    good = judged(planted()).judgement
    bad = judged(
        np.random.default_rng(1).standard_normal((N_TRACKS, 16)).astype(np.float32)
    ).judgement
    assert set(good.metrics) == {
        "genre_precision@10", "genre_knn3_accuracy", "genre_knn5_accuracy",
        "genre_linear_accuracy", "artist_map", "artist_hit@1", "album_map", "album_hit@1",
    }  # fmt: skip
    for name, estimate in good.metrics.items():
        assert estimate.low <= estimate.mean <= estimate.high
        assert estimate.n_tracks == N_TRACKS
        assert estimate.mean > 0.9, name
        assert bad.metrics[name].mean < 0.6, name


def test_a_genre_that_only_one_artist_plays_is_not_asked_for() -> None:
    tracks = [replace(track, genre="solo") if track.artist == " Artist 0" else track
              for track in catalogue()]  # fmt: skip
    metrics = judged(planted(), tracks).judgement.metrics
    assert metrics["genre_precision@10"].n_tracks == N_TRACKS - N_TRACKS // N_ARTISTS
    assert metrics["genre_linear_accuracy"].n_tracks == N_TRACKS - N_TRACKS // N_ARTISTS


def test_an_official_split_decides_which_tracks_the_linear_probe_asks_about() -> None:
    split = {f"t{row:02d}": "test" if row >= 30 else "train" for row in ROWS}
    assert judged(planted(), split=split).judgement.metrics["genre_linear_accuracy"].n_tracks == 18
    nobody = judged(planted(), split={"else": "test"})
    assert "0 and 0" in nobody.absent["genre_linear_accuracy"]


@pytest.mark.parametrize("label", ["genre", "artist", "album"])
def test_a_label_that_is_missing_takes_its_rows_away_and_says_so(label: str) -> None:
    tracks = [replace(track, **{label: None}) for track in catalogue()]
    found = judged(planted(), tracks)
    gone = {name for name in found.absent if name.startswith(label)}
    assert gone
    assert not gone & set(found.judgement.metrics)
    assert len(gone) + len(found.judgement.metrics) >= 8


def test_recognition_is_summed_up_by_distortion_and_failed_copies_are_left_out() -> None:
    vectors = np.eye(12, dtype=np.float32)
    copies = {
        row: {"tilt": vectors[row], "reverb": vectors[(row + 1) % 12]} for row in range(4)
    }  # fmt: skip
    del copies[3]["tilt"]
    found = summarise_recognition(copies, vectors, seed=0)
    assert list(found) == ["tilt", "reverb"]
    assert (found["tilt"].n_tracks, found["tilt"].median_rank) == (3, 1.0)
    assert (found["tilt"].first.mean, found["reverb"].first.mean) == (1.0, 0.0)


# Views


def test_the_commonest_genres_have_colours_of_their_own() -> None:
    genres = [f"g{number:02d}" for number in range(12) for _ in range(12 - number)] + [None]
    groups, colours = genre_colours(genres)
    assert list(colours) == [f"g{number:02d}" for number in range(9)] + list(GREYS)
    assert list(colours.values())[:9] == list(PALETTE)
    assert (groups[0], groups[-2], groups[-1]) == ("g00", "other genres", "no genre")


def test_t_sne_is_the_same_in_every_run_and_keeps_genres_together() -> None:
    first = tsne_view(planted(), seed=0).points
    assert (first == tsne_view(planted(), seed=0).points).all()
    distance = np.linalg.norm(first[:, None] - first[None], axis=2)
    same = GENRE[:, None] == GENRE[None]
    assert distance[same].mean() < 0.7 * distance[~same].mean()


# The whole


def test_a_report_is_written_as_numbers_pictures_and_a_page(filled, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    report = run(filled, out)
    assert EncoderReport.model_validate_json((out / JSON_FILE).read_text("utf-8")) == report
    assert report.encoder_id == CARD.encoder_id
    assert report.n_tracks == N_TRACKS
    assert report.left_out == {}
    assert report.absent == {"robustness": "no track has an audio file"}
    assert len(report.neighbours) == 8
    assert {entry.genre for entry in report.neighbours} == {"genre 0", "genre 1", "genre 2"}
    for entry in report.neighbours:
        assert len(entry.neighbours) == 10
        assert entry.track_id not in {near.track_id for near in entry.neighbours}
    assert not re.search(r"\b(?:NaN|Infinity)\b", (out / JSON_FILE).read_text("utf-8"))
    for picture in ("pca.png", "tsne.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")


def test_the_same_library_gives_the_same_report(filled, tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(filled, tmp_path / name, max_tracks=30)
    for file in (JSON_FILE, HTML_FILE, "pca.png"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_page_asks_nothing_from_outside_and_runs_nothing_from_tags(
    filled, tmp_path: Path
) -> None:
    run(filled, tmp_path)
    page = (tmp_path / HTML_FILE).read_text("utf-8")
    assert page.count("<circle") == 2 * N_TRACKS
    assert page.count("<script") == 1
    assert "&lt;script&gt;alert" in page
    assert not re.search(r"<[^>]+\son[a-z]+=", page)
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    assert "https://" not in page
    assert "default-src 'none'" in page


def test_a_large_library_is_judged_by_a_sample_and_tracks_without_a_vector_are_counted(
    filled, tmp_path: Path
) -> None:
    filled[1].upsert_tracks([Track("silent", title="no vector")])
    report = run(filled, tmp_path, max_tracks=20, robustness_tracks=0)
    assert report.n_tracks == 20
    assert report.left_out == {"without a vector of each encoder": 1, "beyond the sample": 28}
    assert report.absent == {"robustness": "not asked for"}


def test_other_encoders_and_controls_stand_beside_on_the_same_tracks(
    filled, tmp_path: Path
) -> None:
    workspace, store = filled
    other = tmp_path / "home" / "encoders" / "other-1"
    other.mkdir(parents=True)
    (other / "encoder.tflite").write_bytes((SHIPPED_ENCODER / "encoder.tflite").read_bytes())
    (other / "encoder.json").write_text(replace(CARD, encoder_id="other-1").to_json(), "utf-8")
    put(store, "other-1", np.random.default_rng(2).standard_normal((40, 128)).astype(np.float32))
    sound = tmp_path / "sound"
    sound.touch()
    store.upsert_tracks([replace(track, path=str(sound)) for track in catalogue()[:30]])
    put(store, "other-1", planted(5))  # all of them, so that nothing is left to analyse

    def control(tracks, watch):
        assert len(tracks) == 30
        return {track.track_id: np.ones(4, np.float32) * row for row, track in
                enumerate(tracks[:25], start=1)}  # fmt: skip

    def broken(tracks, watch):
        raise DataError("out of order")

    options = ReportOptions(
        (encoder_folder(workspace, "other-1"), SHIPPED_ENCODER),  # itself counts once
        {"fake": control, "broken": broken},
        robustness_tracks=0,
    )
    report, _ = report_on_encoder(
        workspace, store, SHIPPED_ENCODER, tmp_path / "out", options, unseen
    )
    assert list(report.methods) == [CARD.encoder_id, "other-1", "fake"]
    assert list(report.minus) == ["other-1", "fake"]
    assert report.n_tracks == 25
    assert report.left_out == {"without a vector of each control": N_TRACKS - 25}
    assert report.absent["broken"] == "out of order"
    for name, difference in report.minus["fake"].items():
        own, fake = (report.methods[method].metrics[name] for method in (CARD.encoder_id, "fake"))
        assert difference.mean == pytest.approx(own.mean - fake.mean, abs=1e-5)


def test_too_few_tracks_are_refused(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path)
    with workspace.open_store() as store:
        store.upsert_tracks(catalogue()[:9])
        put(store, CARD.encoder_id, planted()[:9])
        with pytest.raises(DataError, match="at least 10 tracks with vectors, the library has 9"):
            run((workspace, store), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_encoder_is_found_by_its_id_or_the_message_lists_those_there_are(
    tmp_path: Path,
) -> None:
    workspace = Workspace.open(tmp_path)
    assert encoder_folder(workspace, None) == SHIPPED_ENCODER
    assert encoder_folder(workspace, CARD.encoder_id) == SHIPPED_ENCODER
    with pytest.raises(NotFoundError, match=f"no encoder 'x'; there are: {CARD.encoder_id}"):
        encoder_folder(workspace, "x")
