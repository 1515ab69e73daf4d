"""Who the listeners of the demo world are: what each likes, how much, and how each behaves.

A listener's liking of a track is a sum of what can be heard (genre, and distance from an ideal
point on the audible dials, which drifts), what cannot (a *scene* that artists and listeners share
across genres, favourite artists), what everybody likes, and chance::

    liking = genre + sound(t) + scene + favourite + appeal + chance

So a model of sound and a model of listening each know something that the other does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.demo.catalogue import Song
from data.demo.genres import GENRES

Floats = NDArray[np.float64]

_SCENE_DIMENSIONS = 3
_GENRE, _SOUND, _SCENE, _FAVOURITE, _CHANCE = 0.7, 0.5, 1.4, 0.5, 0.4
_ARTIST_APPEAL, _TRACK_APPEAL = 0.7, 0.6
_NEARNESS = 2.0


@dataclass(frozen=True)
class Tastes:
    """Listeners as arrays.

    Parameters
    ----------
    sound : np.ndarray [shape=(n_items, 5)]
        Audible dials of the tracks, standardised.
    steady : np.ndarray [shape=(n_users, n_items)]
        Liking, all but the part that drifts.
    ideal_first, ideal_last : np.ndarray [shape=(n_users, 5)]
        Ideal point on the dials at the begin and the end of the period.
    activity : np.ndarray [shape=(n_users,)]
        Relative number of listens.
    joined, left : np.ndarray [shape=(n_users,)]
        When each listener came and went, as shares of the period.
    curiosity : np.ndarray [shape=(n_users,)]
        Share of listens that go to something unheard, 0 … 1.
    newness : np.ndarray [shape=(n_users,)]
        How much a new release draws; large for the minority that explores.
    impatience : np.ndarray [shape=(n_users,)]
        Factor on the chance to break off.
    opinionated : np.ndarray [shape=(n_users,)]
        Tendency to like and dislike, standardised.
    peak_hour : np.ndarray [shape=(n_users,)]
        Hour of the day around which each listens.
    """

    sound: Floats
    steady: Floats
    ideal_first: Floats
    ideal_last: Floats
    activity: Floats
    joined: Floats
    left: Floats
    curiosity: Floats
    newness: Floats
    impatience: Floats
    opinionated: Floats
    peak_hour: Floats

    def liking(self, user: int, when: float) -> tuple[Floats, Floats]:
        """Liking of every track by `user` at `when` (share of the period), and its sound part."""
        ideal = (1 - when) * self.ideal_first[user] + when * self.ideal_last[user]
        distance = np.sum(np.square(self.sound - ideal), axis=1)  # (n_items,)
        heard = -_SOUND * distance / _NEARNESS
        return self.steady[user] + heard, heard


def draw_tastes(songs: Sequence[Song], n_users: int, rng: np.random.Generator) -> Tastes:
    """Listeners for a catalogue."""
    sound = np.stack([song.dials.vector() for song in songs])
    sound = (sound - sound.mean(axis=0)) / (sound.std(axis=0) + 1e-9)
    artist = np.array([song.artist_index for song in songs])
    genre = np.array([GENRES.index(song.artist.genre) for song in songs])
    n_artists = int(artist.max()) + 1

    genre_taste = rng.standard_normal((n_users, len(GENRES)))
    # Half of where a track stands among the scenes is its artist's, half its own.
    scene = rng.standard_normal((n_artists, _SCENE_DIMENSIONS))[artist]
    scene = np.sqrt(0.5) * (scene + rng.standard_normal(scene.shape))
    scene_taste = rng.standard_normal((n_users, _SCENE_DIMENSIONS))
    belonging = scene_taste @ scene.T / np.sqrt(_SCENE_DIMENSIONS)  # (n_users, n_items)

    # Ideal points lie where there is music: near one track at first, on the way to another later.
    first = sound[rng.integers(len(songs), size=n_users)]
    first = first + 0.4 * rng.standard_normal(first.shape)
    other = sound[rng.integers(len(songs), size=n_users)]
    last = first + rng.uniform(0, 0.5, (n_users, 1)) * (other - first)

    distance = np.sum(np.square(sound[None] - first[:, None]), axis=2)  # (n_users, n_items)
    fit = _GENRE * genre_taste[:, genre] + _SCENE * belonging - _SOUND * distance / _NEARNESS
    artist_fit = np.full((n_users, n_artists), -np.inf)
    for position in range(len(songs)):
        column = artist_fit[:, artist[position]]
        np.maximum(column, fit[:, position], out=column)
    # Gumbel noise and a threshold draw from the softmax without replacement.
    wish = artist_fit + rng.gumbel(size=artist_fit.shape)
    favourite = wish >= np.sort(wish, axis=1)[:, -min(4, n_artists)][:, None]

    steady = (
        _GENRE * genre_taste[:, genre]
        + _SCENE * belonging
        + _FAVOURITE * favourite[:, artist]
        + _ARTIST_APPEAL * rng.standard_normal(n_artists)[artist]
        + _TRACK_APPEAL * rng.standard_normal(len(songs))
        + _CHANCE * rng.standard_normal((n_users, len(songs)))
    )
    joined = np.where(rng.random(n_users) < 0.65, 0.0, rng.uniform(0, 0.75, n_users))
    left = np.where(rng.random(n_users) < 0.9, 1.0, joined + rng.uniform(0.2, 1, n_users))
    left = np.minimum(left, 1.0)
    explorer = rng.random(n_users) < 0.3
    return Tastes(
        sound=sound,
        steady=steady,
        ideal_first=first,
        ideal_last=last,
        activity=rng.lognormal(0.0, 0.75, n_users) * (left - joined) ** 0.6,
        joined=joined,
        left=left,
        curiosity=np.clip(rng.beta(5, 4, n_users) + 0.12 * explorer, 0.1, 0.95),
        newness=np.where(explorer, 0.3, -3.2) + 0.3 * rng.standard_normal(n_users),
        impatience=rng.lognormal(0.0, 0.4, n_users),
        opinionated=rng.standard_normal(n_users),
        peak_hour=rng.normal(18.5, 4.0, n_users) % 24,
    )
