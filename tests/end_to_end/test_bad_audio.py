"""Audio files as they lie around: broken, mute, nameless. They are counted, and the rest works."""

from __future__ import annotations

import csv
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.end_to_end.command import FAILED, INCOMPLETE, TIMEOUT, environment
from tests.end_to_end.service import alive, until

SR = 22_050


def noise(path, seconds, seed):
    y = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * SR))
    with path.open("wb") as file:
        soundfile.write(file, y, SR, format="OGG" if path.suffix == ".ogg" else "WAV")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, demo_home):
    folder = tmp_path_factory.mktemp("bad audio")
    noise(folder / "one second.wav", 1.0, 1)
    noise(folder / "a tenth.wav", 0.1, 2)
    noise(folder / "untagged.ogg", 7.0, 3)  # noise of one length would count as one recording
    noise(folder / "caf\udce9.ogg", 4.0, 4)  # the byte 0xE9, which is not UTF-8
    soundfile.write(folder / "silence.wav", np.zeros(5 * SR), SR)
    (folder / "text.mp3").write_text("words, no sound\n" * 100)
    (folder / "empty.flac").touch()
    (folder / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    whole = demo_home.song("mp3").read_bytes()
    (folder / "truncated.mp3").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture(scope="module")
def recsys(copied):
    return copied("encoders")


@pytest.fixture(scope="module")
def added(recsys, folder):
    return recsys("library", "add", folder, expect=INCOMPLETE)


@pytest.fixture(scope="module")
def embedded(recsys, added):
    return recsys("embed", "--json", expect=INCOMPLETE)


@pytest.fixture(scope="module")
def trained(recsys, embedded):
    return recsys("train")


def problems(home, step):
    with (home / "problems" / f"{step}.csv").open(encoding="utf-8", newline="") as file:
        return {row["where"].rpartition("/")[2]: row["reason"] for row in csv.DictReader(file)}


def test_files_that_are_not_audio_are_counted_and_listed(recsys, added):
    assert added.out == "6 new, 2 skipped, 1 ignored\n"
    assert f"listed in {recsys.home / 'problems' / 'library-add.csv'}" in added.err
    listed = problems(recsys.home, "library-add")
    assert set(listed) == {"text.mp3", "empty.flac"}
    assert "not readable as audio" in listed["text.mp3"]


def test_sound_that_gives_no_vector_is_counted_and_the_rest_is_analysed(recsys, embedded):
    report = embedded.json()
    assert report["analysed"] == 4
    reasons = {row["path"].rpartition("/")[2]: row["reason"] for row in report["failed"]}
    assert set(reasons) == {"a tenth.wav", "silence.wav"}
    assert "shorter than 0.5 s" in reasons["a tenth.wav"]
    assert "no sound" in reasons["silence.wav"]
    assert problems(recsys.home, "embed") == reasons


def test_what_failed_is_tried_again_and_what_worked_is_not(recsys, trained):
    again = recsys("embed", "--json", expect=INCOMPLETE).json()
    assert (again["analysed"], again["unchanged"], len(again["failed"])) == (0, 4, 2)


def test_without_listeners_the_model_knows_sound_alone_and_says_so(recsys, trained, folder):
    assert "6 tracks, 0 listeners, 0 events" in trained.out
    found = recsys("similar", folder / "caf\udce9.ogg", "--json").json()["items"]
    assert len(found) == 4
    assert found[0]["title"].startswith("caf")
    assert found[0]["score"] == pytest.approx(1, abs=1e-4)
    assert all(item["artist"] is None for item in found if item["title"] == "untagged")
    result = recsys("recommend", "anybody", "--json")
    assert result.json()["fallback"] is True
    assert "`recsys similar TRACK` goes by the sound of one track" in result.err
    assert "nothing to evaluate" in recsys("evaluate", expect=FAILED).error


def test_a_repaired_file_leaves_the_list_of_problems(recsys, trained, folder):
    (folder / "text.mp3").unlink()
    (folder / "empty.flac").unlink()
    assert recsys("library", "add", folder).out == "6 unchanged, 1 ignored\n"
    assert not (recsys.home / "problems" / "library-add.csv").exists()


def test_an_empty_folder_fails_with_what_was_looked_for(recsys, tmp_path):
    assert "no audio file under" in recsys("library", "add", tmp_path, expect=FAILED).error
    missing = recsys("library", "add", tmp_path / "nowhere", expect=FAILED).error
    assert "does not exist" in missing


N_SONGS = 96


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    for number in range(N_SONGS):
        noise(folder / f"{number}.wav", 20.0, number)
    return folder


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_embed_goes_on_where_it_stopped(copied, songs, blow):
    recsys = copied("encoders")
    recsys("library", "add", songs)
    with subprocess.Popen(
        [sys.executable, "-m", "recsys", "--home", recsys.home, "embed"],
        env=environment({"RECSYS_ANALYSIS__WORKERS": "1"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Tests that were started in the background may have been told to ignore it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as process:
        until(lambda: stored(recsys.home) or process.poll() is not None)
        below = children(process.pid)
        # Held, so that it is the blow that ends the run, however fast the machine.
        signal_all(below, signal.SIGSTOP)
        process.send_signal(blow)
        signal_all(below, signal.SIGCONT)
        said = process.communicate(timeout=TIMEOUT)[1].decode()
    until(lambda: not any(map(alive, below)), seconds=10)
    done = stored(recsys.home)
    assert 0 < done < N_SONGS, "it ended before it could be interrupted"
    if blow == signal.SIGINT:
        assert process.returncode == 130
        assert said == "interrupted; run the same command again to go on\n"
    report = recsys("embed", "--json").json()
    assert (report["unchanged"], report["analysed"]) == (done, N_SONGS - done)


def stored(home):
    """Vectors in the store, read as anybody might who looks on."""
    with closing(sqlite3.connect(f"file:{home / 'recsys.db'}?mode=ro", uri=True)) as database:
        return database.execute("SELECT count(*) FROM embeddings").fetchone()[0]


def signal_all(pids, number):
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
