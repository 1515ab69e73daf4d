from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy import signal

from audio_model.decode import read_sound
from audio_model.probes.distortions import DISTORTIONS, shelf, write_distorted
from audio_model.probes.robustness import distorted_vectors
from audio_model.shipped import SHIPPED_ENCODER
from data.errors import AudioError
from tests.audio_model.conftest import tone

SR = 22050


def stereo(seconds: float = 12.0, level: float = 0.5) -> np.ndarray:
    return np.stack([level * tone(seconds, seed=1), level * tone(seconds, seed=2)], axis=1)


def changed(name: str, y: np.ndarray, sr: int = SR, seed: int = 0) -> tuple[np.ndarray, int]:
    return DISTORTIONS[name](y, sr, np.random.default_rng(seed))


def decibels(power: float) -> float:
    return 10 * np.log10(power)


@pytest.mark.parametrize(("kind", "gain"), [("low", 6.0), ("low", -4.0), ("high", -6.0)])
def test_a_shelf_raises_its_side_and_leaves_the_other(kind: str, gain: float) -> None:
    section = shelf(1000.0, gain, kind, 44100)
    _, response = signal.sosfreqz(section[None], worN=[1.0, 1000.0, 22000.0], fs=44100)
    low, middle, high = 20 * np.log10(np.abs(response))
    expected = (gain, gain / 2, 0.0) if kind == "low" else (0.0, gain / 2, gain)
    assert (low, middle, high) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("name", DISTORTIONS)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_distorted_copy_is_a_file_that_decodes(name: str, channels: int, tmp_path: Path) -> None:
    y = stereo(3.0)[:, :channels]
    path = write_distorted(name, y, SR, tmp_path / "copy", np.random.default_rng(0))
    copy, rate = read_sound(path, max_seconds=60)
    assert copy.shape[1] == channels
    assert len(copy) / rate == pytest.approx(3.0, abs=0.2)
    assert 0.01 < np.abs(copy).max() <= 1.0


def test_gain_changes_the_level_by_6_db() -> None:
    y = stereo()
    for name, gain in (("gain_plus_6_db", 6.0), ("gain_minus_6_db", -6.0)):
        copy, _ = changed(name, y)
        assert decibels(np.mean(copy**2) / np.mean(y**2)) == pytest.approx(gain, abs=1e-3)


def test_noise_lies_20_db_below_the_sound() -> None:
    y = stereo(level=0.1)
    copy, _ = changed("noise_20_db", y)
    assert decibels(np.mean(y**2) / np.mean((copy - y) ** 2)) == pytest.approx(20.0, abs=0.1)


def test_resampling_takes_away_what_lies_above_half_the_rate() -> None:
    t = np.arange(SR) / SR
    y = (0.4 * np.sin(2 * np.pi * 6000 * t) + 0.4 * np.sin(2 * np.pi * 500 * t))[:, None]
    copy, rate = changed("resample_8_khz", y.astype(np.float32))
    assert rate == 8000
    assert np.mean(copy**2) == pytest.approx(0.4**2 / 2, rel=0.02)


@pytest.mark.parametrize("sr", [16_000, 22_050, 44_100, 96_000])
def test_mp3_has_64_kbit_a_second_whatever_the_rate(sr: int, tmp_path: Path) -> None:
    y = 0.1 * np.random.default_rng(0).standard_normal((10 * sr, 2)).astype(np.float32)
    path = write_distorted("mp3_64_kbit", y, sr, tmp_path / "copy", np.random.default_rng(0))
    assert soundfile.info(path).format == "MP3"
    assert path.stat().st_size * 8 / 10 == pytest.approx(64_000, rel=0.03)


def test_an_excerpt_is_10_s_of_the_track_and_a_short_track_stays_whole() -> None:
    y = stereo(12.0)
    copy, _ = changed("excerpt_10_s", y)
    assert len(copy) == 10 * SR
    start = int(np.flatnonzero((y == copy[0]).all(axis=1))[0])
    assert (y[start : start + 10 * SR] == copy).all()
    assert (changed("excerpt_10_s", y[: 3 * SR])[0] == y[: 3 * SR]).all()


def test_reverberation_prolongs_what_has_ended() -> None:
    y = np.zeros((2 * SR, 1), np.float32)
    y[: SR // 2] = stereo(0.5)[:, :1]
    copy, _ = changed("reverb", y)
    assert np.abs(y[SR:]).max() == 0.0
    assert 0.001 < np.sqrt(np.mean(copy[SR : SR + 5000] ** 2)) < 0.2


def test_loud_sounds_stay_below_full_scale_but_for_the_gain_that_clips(tmp_path: Path) -> None:
    y = stereo(level=1.5).clip(-1, 1)
    for name in DISTORTIONS:
        copy, _ = changed(name, y)
        assert (np.abs(copy).max() <= 1.0 + 1e-6) == (name != "gain_plus_6_db"), name


def test_a_sound_that_is_too_long_or_no_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(2.0), SR)
    with pytest.raises(AudioError, match="longer than 1 s"):
        read_sound(path, max_seconds=1.0)
    path.write_bytes(b"no sound")
    with pytest.raises(AudioError, match="not an audio file"):
        read_sound(path, max_seconds=1.0)


def test_copies_of_a_track_are_the_same_in_every_run_and_a_bad_file_costs_itself(
    tmp_path: Path,
) -> None:
    paths = [tmp_path / f"{name}.wav" for name in ("a", "broken", "b")]
    soundfile.write(paths[0], stereo(4.0), SR)
    soundfile.write(paths[2], tone(4.0, seed=5), SR)
    paths[1].write_bytes(b"RIFF but not audio")
    scratch = tmp_path / "scratch"

    def run(workers: int, order: list[Path]):
        return distorted_vectors(SHIPPED_ENCODER, order, scratch=scratch, workers=workers, seed=1)

    copies, skipped = run(2, paths)
    assert list(copies) == [paths[0], paths[2]]
    assert list(skipped) == [paths[1]]
    assert list(scratch.iterdir()) == []
    again, _ = run(1, paths[::-1])
    for path, of_path in copies.items():
        assert list(of_path) == list(DISTORTIONS)
        for name, vector in of_path.items():
            assert vector.tolist() == again[path][name].tolist()
