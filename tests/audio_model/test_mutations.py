"""Every way in which a file can be bad ends in a vector or a reason."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from audio_model.pool import AnalysisPool
from audio_model.shipped import SHIPPED_ENCODER
from bench.encoder.mutations import COSTLY, MUTATIONS, SUFFIXES, excerpt, mutate
from data.errors import AudioError
from tests.audio_model.sounds import tone

KINDS = [kind for kind in MUTATIONS if kind not in COSTLY]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    rng = np.random.default_rng(0)
    y = np.stack([tone(6.0, 44_100), tone(6.0, 44_100, seed=1)], axis=1)
    soundfile.write(folder / "song.flac", y, 44_100)
    found = [excerpt(folder / "song.flac", rng, folder) for _ in range(12)]
    assert {source.suffix for source in found} == set(SUFFIXES)
    return found


def test_every_mutated_file_has_a_vector_or_a_reason(sources, tmp_path):
    made = mutate(sources, 2 * len(KINDS), tmp_path, 0, KINDS)
    with AnalysisPool(SHIPPED_ENCODER, 2) as pool:
        outcomes = dict(pool.map(path for paths in made.values() for path in paths))
    assert len(outcomes) == 2 * len(KINDS)
    died = []
    for path, outcome in outcomes.items():
        if isinstance(outcome, AudioError):
            assert str(outcome)
            died += [path] * str(outcome).startswith("crashed")
        else:
            assert np.linalg.norm(outcome.vector) == pytest.approx(1.0, abs=1e-5)
    assert died == []
    for kind in ("zero length", "no audio", "a few samples", "samples not finite", "silence"):
        assert all(isinstance(outcomes[path], AudioError) for path in made[kind]), kind
    for kind in ("192 kHz", "8 channels", "wrong extension"):
        assert not any(isinstance(outcomes[path], AudioError) for path in made[kind]), kind


def test_mutations_are_the_same_for_the_same_seed(sources, tmp_path):
    # The encoder of Ogg files draws serial numbers of its own.
    kinds = [kind for kind in KINDS if kind not in ("8 channels", "silence", "a few samples")]
    contents = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        made = mutate(sources, len(kinds), tmp_path / name, seed, kinds)
        contents.append(
            {kind: [path.read_bytes() for path in paths] for kind, paths in made.items()}
        )
    assert contents[0].keys() == contents[1].keys()
    same = [kind for kind in kinds if contents[0][kind] == contents[1][kind]]
    assert set(kinds) - set(same) <= {"two streams joined"}
    assert contents[0] != contents[2]
