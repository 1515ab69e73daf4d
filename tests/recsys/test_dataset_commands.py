"""`recsys embeddings export`, `library add-fma` and `library add --genre-from-folder`."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from typer.testing import CliRunner

from data.errors import DataError, NotReadyError, ParameterError
from data.exporters.vectors import export_vectors
from data.importers.track_split import read_split
from data.store import Store
from recsys.cli.app import app
from recsys.cli.output import INCOMPLETE
from recsys.workspace import Workspace
from tests.ranker.worlds import N_TRACKS, planted_embeddings, track_id
from tests.recsys.conftest import ENCODER


def run(home: Path, *words: str | Path, expect: int = 0) -> str:
    """Output of a command; an error of ours comes out as what it is."""
    result = CliRunner().invoke(app, ["--home", str(home), *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == expect, result.output
    return result.stdout


def read(file: Path) -> tuple[list[str], np.ndarray, str, int]:
    """Ids, vectors, encoder and dimension as another program would read them."""
    if file.suffix == ".npz":
        with np.load(file, allow_pickle=False) as arrays:
            return (
                arrays["track_id"].tolist(),
                arrays["vector"],
                str(arrays["encoder_id"]),
                int(arrays["dimension"]),
            )
    table = pq.read_table(file)
    facts = table.schema.metadata
    vectors = np.stack(table["vector"].to_numpy())
    return (
        table["track_id"].to_pylist(),
        vectors,
        facts[b"encoder_id"].decode(),
        int(facts[b"dimension"]),
    )


# -- embeddings export ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vectors.npz", "new/folder/vectors.parquet"])
def test_exported_vectors_are_those_of_the_store(
    workspace: Workspace, store: Store, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    printed = run(workspace.home, "embeddings", "export", "-o", file, "--encoder", ENCODER)
    assert printed.startswith(f"{N_TRACKS} vectors of")
    ids, vectors, encoder_id, dimension = read(file)
    assert ids == sorted(track_id(n) for n in range(N_TRACKS))
    expected = {track_id(n): vector for n, vector in enumerate(planted_embeddings())}
    np.testing.assert_array_equal(vectors, np.stack([expected[each] for each in ids]))
    assert vectors.dtype == np.float32
    assert (encoder_id, dimension) == (ENCODER, vectors.shape[1])
    assert [path.name for path in file.parent.iterdir() if path.suffix == ".tmp"] == []


def test_withdrawn_tracks_and_those_without_a_vector_are_not_exported(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    store.set_withdrawn([track_id(0)])
    store.drop_embeddings([track_id(1)])
    run(workspace.home, "embeddings", "export", "-o", tmp_path / "v.npz", "--encoder", ENCODER)
    assert read(tmp_path / "v.npz")[0] == sorted(track_id(n) for n in range(2, N_TRACKS))


def test_an_encoder_without_vectors_is_refused_with_those_that_have_some(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    with pytest.raises(NotReadyError, match=f"run `recsys embed`, or .* --encoder {ENCODER}"):
        run(workspace.home, "embeddings", "export", "-o", tmp_path / "v.npz")
    store.drop_embeddings([track_id(n) for n in range(N_TRACKS)])
    with pytest.raises(NotReadyError, match=r"run `recsys embed`$"):
        run(workspace.home, "embeddings", "export", "-o", tmp_path / "v.npz", "--encoder", "x")
    assert list(tmp_path.glob("v*")) == []


@pytest.mark.parametrize("name", ["vectors.csv", "vectors", "folder.npz"])
def test_a_target_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(ParameterError, match="expected a file"):
        run(tmp_path, "embeddings", "export", "-o", tmp_path / name)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "v.npz"
    file.write_bytes(b"old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(DataError, match="No space left"):
        export_vectors(file, ["a"], np.ones((1, 2), np.float32), "x")
    assert [path.name for path in tmp_path.iterdir()] == ["v.npz"]
    assert file.read_bytes() == b"old"


# -- data sets -----------------------------------------------------------------------------------


def make_sound(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(8000), 8000)
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def tracks_of(home: Path) -> dict[str, str | None]:
    with Workspace.open(home).open_store() as opened:
        return {track.track_id: track.genre for track in opened.tracks()}


def test_add_fma_keeps_the_official_split_and_lists_what_is_missing(
    home: Path, tmp_path: Path
) -> None:
    header = ["", "album", "album", "artist", "set", "set", "track", "track", "track"]
    names = ["", "date_released", "title", "name", "split", "subset", "date_recorded"]
    rows = [
        header,
        [*names, "genre_top", "title"],
        ["track_id", *[""] * 8],
        ["2", "2009", "Album", "AWOL", "training", "small", "", "Hip-Hop", "Food"],
        ["5", "2009", "Album", "AWOL", "test", "small", "", "Rock", "This World"],
        ["10", "2009", "Album", "AWOL", "test", "small", "", "Rock", "Gone"],
    ]
    with (tmp_path / "tracks.csv").open("w", newline="") as lines:
        csv.writer(lines).writerows(rows)
    audio = tmp_path / "fma_small"
    for number in (2, 5):
        make_sound(audio / "000" / f"{number:06d}.mp3", number)
    printed = run(home, "library", "add-fma", tmp_path, audio, expect=INCOMPLETE)
    assert printed == "2 new, 1 skipped\n"
    genres = tracks_of(home)
    split = read_split(home / "splits" / "fma-small.csv")
    assert {genres[each]: part for each, part in split.items()} == {
        "Hip-Hop": "train", "Rock": "test",
    }  # fmt: skip
    problems = (home / "problems" / "library-add-fma.csv").read_text().splitlines()
    assert problems == ["where,reason", f"{audio / '000' / '000010.mp3'},the clip is missing"]
    make_sound(audio / "000" / "000010.mp3", 10)
    assert run(home, "library", "add-fma", tmp_path, audio) == "1 new, 2 unchanged\n"


def test_add_takes_genres_from_folders_when_asked(home: Path, tmp_path: Path) -> None:
    make_sound(tmp_path / "genres" / "blues" / "blues.00000.wav", 1)
    make_sound(tmp_path / "genres" / "jazz" / "jazz.00000.wav", 2)
    assert run(home, "library", "add", tmp_path / "genres") == "2 new\n"
    assert set(tracks_of(home).values()) == {None}
    printed = run(home, "library", "add", "--genre-from-folder", tmp_path / "genres")
    assert printed == "2 updated\n"
    assert set(tracks_of(home).values()) == {"blues", "jazz"}
