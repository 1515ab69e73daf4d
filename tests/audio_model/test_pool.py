"""Child processes that crash, hang or grow cost one file each."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from audio_model.decode import DecodeLimits
from audio_model.encoder import Encoder
from audio_model.pool import AnalysisPool
from audio_model.workers import ChildPool
from data.errors import ArtefactError, AudioError, ParameterError
from tests.audio_model.misbehaving import broken, misbehaving
from tests.audio_model.sounds import tone


@pytest.fixture(scope="module")
def pool():
    limits = DecodeLimits(memory_mb=512, cpu_seconds=1, timeout_seconds=20.0)
    with ChildPool(misbehaving, 1, limits) as pool:
        yield pool


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crash", "crashed the analyser .SIGSEGV"),
        ("exit", "crashed the analyser .exit 3"),
        ("spin", "more than 1 s of processor time"),
        ("grow", "more than 512 MiB of memory"),
        ("refuse", "no sound"),
    ],
)
def test_bad_file_is_an_audio_error_and_the_next_file_is_served(pool, name, reason):
    with pytest.raises(AudioError, match=reason):
        pool.run(Path(name))
    assert pool.run(Path("good")).startswith("good by")


def test_hanging_child_is_killed_after_the_timeout_and_replaced(pool):
    before = pool.run(Path("good"))
    with pytest.raises(AudioError, match="took too long"):
        pool.run(Path("hang"), timeout=0.2)
    assert pool.run(Path("good")) != before


def run_in_thread(pool, name, **options):
    """Start a job that fails; return the thread and the list its reason goes to."""
    reasons: list[str] = []

    def job():
        try:
            pool.run(Path(name), **options)
        except AudioError as error:
            reasons.append(str(error))

    thread = threading.Thread(target=job)
    thread.start()
    time.sleep(0.2)
    return thread, reasons


def test_waiting_for_an_idle_child_counts_into_the_timeout(pool):
    thread, reasons = run_in_thread(pool, "hang", timeout=1.0)
    with pytest.raises(AudioError, match="busy"):
        pool.run(Path("good"), timeout=0.1)
    thread.join()
    assert reasons == ["took too long: the time limit for one file is over"]


def test_child_that_cannot_start_says_why():
    with pytest.raises(ArtefactError, match="the encoder is damaged"):
        ChildPool(broken, 1, DecodeLimits())


def test_pool_without_workers_is_refused():
    with pytest.raises(ParameterError, match="workers"):
        ChildPool(misbehaving, 0, DecodeLimits())


def test_closing_ends_jobs_under_way():
    pool = ChildPool(misbehaving, 1, DecodeLimits())
    thread, reasons = run_in_thread(pool, "hang")
    pool.close()
    thread.join(10.0)
    assert reasons == ["the analysis was stopped"]


def test_map_gives_every_file_once_with_failures_as_values(tmp_path, write_sound, encoder_dir):
    good = [write_sound(f"{seed}.wav", tone(1.0, seed=seed)) for seed in range(3)]
    bad = tmp_path / "bad.mp3"
    bad.write_text("no music")
    with AnalysisPool(encoder_dir, 2) as pool:
        outcomes = dict(pool.map([*good, bad]))
        single = pool.analyse(good[0])
    assert set(outcomes) == {*good, bad}
    assert isinstance(outcomes[bad], AudioError)
    expected = Encoder.load(encoder_dir).analyse(good[0])
    np.testing.assert_allclose(outcomes[good[0]].vector, expected.vector, atol=1e-6)
    np.testing.assert_allclose(single.vector, expected.vector, atol=1e-6)
    assert (single.digest, single.n_chunks) == (expected.digest, 1)


def test_map_does_not_read_ahead_without_bound(pool):
    taken: list[int] = []

    def endless():
        while True:
            taken.append(len(taken))
            yield Path(f"file{len(taken)}")

    results = pool.map(endless())
    for _ in range(3):
        next(results)
    results.close()
    assert len(taken) <= 3 + 2


def test_killed_parent_leaves_no_children(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import time\n"
        "from functools import partial\n"
        "from audio_model.decode import DecodeLimits\n"
        "from audio_model.workers import ChildPool\n"
        "if __name__ == '__main__':\n"
        "    pool = ChildPool(partial(partial, str), 1, DecodeLimits())\n"
        "    print(next(iter(pool._alive.values())).process.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, env=environment
    ) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
    for _ in range(100):
        if not Path(f"/proc/{child}").exists():
            return
        time.sleep(0.1)
    pytest.fail("the child outlived its parent")


def test_serving_modules_load_no_training_library():
    code = (
        "import sys\n"
        "from audio_model import encoder, frontend, index, pool, probes, recipes\n"
        "heavy = {'tensorflow', 'keras', 'librosa', 'numba', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "[]"
