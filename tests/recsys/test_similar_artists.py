"""Artists like an artist: by sound, by who listens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from data.errors import NotAnalysedError, ParameterError
from data.store import Store
from recsys.bundle import ModelBundle
from recsys.recommender import Recommender
from recsys.similar import Space
from tests.recsys.bigger import N_TRACKS, number, track, track_id

ARTIST = 5
PER_ARTIST = 8
N_ARTISTS = N_TRACKS // PER_ARTIST


def tracks_of(artist: int) -> list[str]:
    return [track_id(artist * PER_ARTIST + n) for n in range(PER_ARTIST)]


def artist_of(external: str) -> int:
    return number(external) // PER_ARTIST


def naive(vectors: np.ndarray, known: np.ndarray) -> dict[int, float]:
    """Cosine of every other artist's mean direction to that of `ARTIST`."""
    places = {}
    for artist in range(N_ARTISTS):
        own = [number(one) for one in tracks_of(artist) if known[number(one)]]
        if own:
            mean = np.mean([vectors[n] / np.linalg.norm(vectors[n]) for n in own], axis=0)
            places[artist] = mean / np.linalg.norm(mean)
    centre = places.pop(ARTIST)
    return {artist: float(place @ centre) for artist, place in places.items()}


@pytest.mark.parametrize("space", [Space.AUDIO, Space.COLLABORATIVE])
def test_artists_are_ordered_as_by_comparing_the_means_of_all(
    six_sounds: ModelBundle, shelf: Store, space: Space
) -> None:
    models = six_sounds.hybrid.models
    if space is Space.AUDIO:
        expected = naive(np.array(models.embeddings), np.ones(N_TRACKS, np.bool_))
    else:
        factors = np.array(models.collaborative.item_factors)
        expected = naive(factors, models.collaborative.support > 0)
    found = Recommender(six_sounds, shelf).similar_artists(
        tracks_of(ARTIST), N_ARTISTS, space=space
    )
    artists = [artist_of(one.track_ids[0]) for one in found]
    assert len(artists) == len(set(artists)) == len(expected)
    # Among equals but for rounding either may come first.
    assert (np.diff([expected[artist] for artist in artists]) < 1e-5).all()
    assert [one.score for one in found] == pytest.approx([expected[a] for a in artists], abs=1e-5)
    for one in found:
        assert 1 <= len(one.track_ids) <= 4
        assert len({artist_of(external) for external in one.track_ids}) == 1


def test_few_artists_are_the_first_of_many(six_sounds: ModelBundle, shelf: Store) -> None:
    recommender = Recommender(six_sounds, shelf)
    few = recommender.similar_artists(tracks_of(ARTIST), 3)
    assert few == recommender.similar_artists(tracks_of(ARTIST), N_ARTISTS)[:3]


def test_neither_the_artist_nor_a_withdrawn_one_is_listed(
    six_sounds: ModelBundle, shelf: Store
) -> None:
    recommender = Recommender(six_sounds, shelf)
    best = artist_of(recommender.similar_artists(tracks_of(ARTIST), 1)[0].track_ids[0])
    shelf.set_withdrawn(tracks_of(best))
    try:
        found = Recommender(six_sounds, shelf).similar_artists(tracks_of(ARTIST), N_ARTISTS)
    finally:
        shelf.set_withdrawn(tracks_of(best), False)
    assert not {best, ARTIST} & {artist_of(one.track_ids[0]) for one in found}


def test_a_track_with_a_guest_is_no_other_artist(six_sounds: ModelBundle, shelf: Store) -> None:
    guest = replace(track(N_TRACKS - 1), artist=f"artist {ARTIST}; a guest")
    shelf.upsert_tracks([guest])
    try:
        both = [*tracks_of(ARTIST), guest.track_id]
        found = Recommender(six_sounds, shelf).similar_artists(both, N_ARTISTS)
    finally:
        shelf.upsert_tracks([track(N_TRACKS - 1)])
    assert guest.track_id not in {external for one in found for external in one.track_ids}


def test_what_a_space_does_not_know_is_refused(six_sounds: ModelBundle, shelf: Store) -> None:
    recommender = Recommender(six_sounds, shelf)
    with pytest.raises(NotAnalysedError, match="space=audio"):
        recommender.similar_artists(tracks_of(N_ARTISTS - 1), space=Space.COLLABORATIVE)
    with pytest.raises(NotAnalysedError, match="recsys embed"):
        recommender.similar_artists(["came later"])
    with pytest.raises(ParameterError, match="not by both"):
        recommender.similar_artists(tracks_of(ARTIST), space=Space.HYBRID)
