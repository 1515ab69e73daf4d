from itertools import pairwise

import numpy as np
import pytest
from scipy import fft

from data.demo.catalogue import DemoSize, plan_songs
from data.demo.instruments import DRUMS, Kit, Patch, Synth, drum, frequency, tone
from data.demo.render import PEAK, render

SIZE = DemoSize(n_artists=24, tracks_per_artist=2, seconds=9.0)
N_FFT, HOP = 1024, 512


def spectrogram(y: np.ndarray, sr: int) -> tuple[np.ndarray, np.ndarray]:
    """Power [shape=(n_frames, n_bins)] of a mono signal, and the bins' frequencies."""
    frames = np.lib.stride_tricks.sliding_window_view(y, N_FFT)[::HOP] * np.hanning(N_FFT)
    return np.abs(fft.rfft(frames, axis=1)) ** 2, np.fft.rfftfreq(N_FFT, 1 / sr)


def statistics(y: np.ndarray, sr: int) -> np.ndarray:
    """Means and deviations of the cepstrum of 32 log-spaced bands: MFCC in spirit."""
    power, hertz = spectrogram(y, sr)
    edges = np.searchsorted(hertz, np.geomspace(50, 11_000, 33))
    bands = np.stack(
        [power[:, low : max(high, low + 1)].mean(axis=1) for low, high in pairwise(edges)],
        axis=1,
    )
    cepstrum = fft.dct(np.log10(bands + 1e-6), axis=1, norm="ortho")[:, :16]
    return np.concatenate([cepstrum.mean(axis=0), cepstrum.std(axis=0)])


@pytest.fixture(scope="module")
def library():
    songs = plan_songs(7, SIZE)
    return songs, [render(song).mean(axis=1) for song in songs]


def mean_by_genre(songs, values) -> dict[str, float]:
    names = sorted({song.artist.genre.name for song in songs})
    return {
        name: float(
            np.mean(
                [
                    value
                    for song, value in zip(songs, values, strict=True)
                    if song.artist.genre.name == name
                ]
            )
        )
        for name in names
    }


def test_render_gives_the_same_samples_twice():
    song = plan_songs(7, SIZE)[10]
    np.testing.assert_array_equal(render(song), render(song))


def test_another_seed_gives_other_music():
    one, other = (render(plan_songs(seed, SIZE)[10])[:20_000] for seed in (7, 8))
    assert not np.array_equal(one, other)


def test_tracks_are_finite_loud_enough_and_below_the_ceiling(library):
    for y in library[1]:
        assert np.isfinite(y).all()
        assert np.abs(y).max() <= PEAK
        assert np.sqrt(np.mean(np.square(y))) > 0.02


def test_tracks_change_over_time(library):
    for y in library[1]:
        seconds = y[: len(y) // 8 * 8].reshape(8, -1)
        assert np.sqrt(np.mean(np.square(seconds), axis=1)).std() > 0.002


def test_genres_differ_in_brightness(library):
    songs, sounds = library
    centroids = []
    for song, y in zip(songs, sounds, strict=True):
        power, hertz = spectrogram(y, song.sr)
        magnitude = np.sqrt(power)
        centroids.append(float((magnitude * hertz).sum() / magnitude.sum()))
    mean = mean_by_genre(songs, centroids)
    assert mean["Metal"] > 1.5 * mean["Ambient"]
    assert mean["Chiptune"] > 1.5 * mean["Dub"]


def test_genres_differ_in_density_of_onsets(library):
    songs, sounds = library
    density = []
    for song, y in zip(songs, sounds, strict=True):
        level = np.log10(spectrogram(y, song.sr)[0] + 1e-5)
        flux = np.maximum(np.diff(level, axis=0), 0).mean(axis=1)
        density.append(float((flux > 0.35).sum() / song.seconds))
    mean = mean_by_genre(songs, density)
    assert mean["Ambient"] < 0.6 * min(mean["Techno"], mean["Hip-Hop"], mean["Chiptune"])


def test_tracks_of_an_artist_are_closer_than_those_of_others_in_the_genre(library):
    songs, sounds = library
    features = np.stack([statistics(y, song.sr) for song, y in zip(songs, sounds, strict=True)])
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    distance = np.linalg.norm(features[:, None] - features[None], axis=2)
    artist = np.array([song.artist_index for song in songs])
    genre = artist % 8
    same_artist = (artist[:, None] == artist) & ~np.eye(len(songs), dtype=bool)
    same_genre = (genre[:, None] == genre) & (artist[:, None] != artist)
    other_genre = genre[:, None] != genre
    assert distance[same_artist].mean() < 0.9 * distance[same_genre].mean()
    assert distance[same_genre].mean() < 0.9 * distance[other_genre].mean()


@pytest.mark.parametrize("synth", list(Synth))
@pytest.mark.parametrize("midi", [40, 57, 76])
def test_tones_are_in_tune(synth, midi):
    sr = 22_050
    patch = Patch(synth, tilt=1.5, index=0.5, sustain=1.0)
    y = tone(patch, midi, 2.0, 0.5, sr, np.random.default_rng(0))[2000:40_000]
    spectrum = np.abs(fft.rfft(y * np.hanning(len(y)), 4 * len(y)))
    hertz = np.fft.rfftfreq(4 * len(y), 1 / sr)
    near = np.abs(np.log2(np.maximum(hertz, 1) / frequency(midi))) < 0.25
    found = hertz[near][spectrum[near].argmax()]
    cents = 1200 * np.log2(found / frequency(midi))
    assert abs(cents) < 8


@pytest.mark.parametrize("synth", list(Synth))
def test_brighter_patches_have_more_treble(synth):
    sr = 22_050

    def centroid(brightness: float) -> float:
        y = tone(Patch(synth), 52, 0.8, brightness, sr, np.random.default_rng(0))
        power, hertz = spectrogram(y, sr)
        return float((power * hertz).sum() / power.sum())

    assert centroid(1.0) > 1.15 * centroid(0.0)


@pytest.mark.parametrize("name", sorted(DRUMS))
def test_drums_strike_at_once_and_die_away(name):
    y = drum(name, Kit(), 0.5, 22_050, np.random.default_rng(0))
    energy = np.array([np.square(part).sum() for part in np.array_split(y, 4)])
    assert energy[0] > 0.5 * energy.sum()
    assert abs(y[-1]) < 1e-3
    assert np.abs(y).max() < 2.0
