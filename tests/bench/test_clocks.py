"""What the benchmark of scale measures with."""

from __future__ import annotations

import time
from types import ModuleType

import numpy as np
import pytest

from audio_model.probes.spread import effective_rank
from bench.quality.clocks import Clocks, take_peak_gib, totals
from bench.quality.scale import fading, growth, summary


def busy(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_a_stage_counts_what_the_stages_within_it_do_not() -> None:
    clocks = Clocks()
    with clocks.stage("outer"):
        busy(0.05)
        for _ in range(2):
            with clocks.stage("inner"):
                busy(0.1)
    found = clocks.spent
    assert set(found) == {"outer", "outer/inner"}
    assert found["outer/inner"].calls == 2
    assert 0.2 <= found["outer/inner"].cpu < 0.25
    assert 0.05 <= found["outer"].cpu < 0.1
    assert found["outer"].peak_gib >= found["outer/inner"].peak_gib > 0


def test_every_end_of_a_stage_is_told() -> None:
    told: list[set[str]] = []
    clocks = Clocks(lambda stages: told.append(set(stages)))
    with clocks.stage("outer"), clocks.stage("inner"):
        pass
    assert told == [{"outer", "outer/inner"}] * 2


def test_functions_are_timed_where_they_are_looked_up_and_then_put_back() -> None:
    import recsys.windows as module

    assert isinstance(module, ModuleType)
    before = module.hold_out
    clocks = Clocks()
    with clocks.over({"recsys.windows.hold_out": "split"}), pytest.raises(AttributeError):
        module.hold_out(None)
    assert module.hold_out is before
    assert clocks.spent["split"].calls == 1


def test_the_peak_is_of_what_was_held_since_the_last_look() -> None:
    take_peak_gib()
    before = take_peak_gib()
    held = np.ones(2**26)  # half a GiB
    del held
    assert take_peak_gib() - before == pytest.approx(0.5, abs=0.1)
    assert take_peak_gib() - before < 0.1


def test_stages_of_one_name_are_summed_up_wherever_they_were() -> None:
    once = {"calls": 1, "wall": 2.0, "cpu": 3.0, "peak_gib": 1.0}
    found = totals({"fit/als": once, "trial/fit/als": {**once, "peak_gib": 2.0}})
    assert found == {"als": {"calls": 2, "wall": 4.0, "cpu": 6.0, "peak_gib": 2.0}}


def test_the_rest_of_training_is_measured_in_als() -> None:
    def spent(cpu: float, calls: int = 1) -> dict[str, float]:
        return {"calls": calls, "wall": cpu, "cpu": cpu, "peak_gib": 1.0}

    stages = {
        "train": spent(2.0),
        "train/fit/als": spent(30.0, calls=3),
        "train/map": spent(13.0),
        "bare_als": spent(10.0),
        "als_alone": spent(10.5),
    }
    found = summary(stages)
    assert found["rest_in_als"] == 15 / 30
    assert found["everything_in_one_als"] == 45 / 10
    assert found["als_in_bare"] == 1.05
    larger = {"by_name": {"als": spent(90.0), "new": spent(1.0)}}
    assert growth(found, larger) == {"als": 3.0}
    assert "rest_in_als" not in summary({})


def test_directions_of_sound_fade_and_vectors_keep_their_length() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(4000, 128)).astype(np.float32) + 1.0
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    shaped = fading(vectors)
    np.testing.assert_allclose(np.linalg.norm(shaped, axis=1), 1.0, rtol=1e-5)
    assert effective_rank(vectors) > 125
    assert 95 < effective_rank(shaped) < 115
