"""Tracks like a track: in sound, in who listens, in both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.errors import NotAnalysedError
from data.store import Store
from recsys.bundle import ModelBundle
from recsys.filters import Filters
from recsys.recommender import Recommender
from recsys.similar import Space
from tests.recsys.bigger import N_TRACKS, fill, number, sound, track_id

SEED = 8


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    fill(opened)
    yield opened
    opened.close()


def with_models(bundle: ModelBundle, **changes) -> ModelBundle:
    models = replace(bundle.hybrid.models, **changes)
    return replace(bundle, hybrid=replace(bundle.hybrid, models=models))


def ids(answer) -> list[str]:
    return [item.track_id for item in answer.items]


@pytest.mark.parametrize("space", [None, *Space])
def test_every_space_lists_the_kind_of_the_seed_without_the_seed(
    six_sounds: ModelBundle, shelf: Store, space: Space | None
) -> None:
    answer = Recommender(six_sounds, shelf).similar(track_id(SEED), 30, space=space)
    assert len(set(ids(answer))) == 30
    assert track_id(SEED) not in ids(answer)
    assert sum(sound(number(track)) == sound(SEED) for track in ids(answer)) >= 27
    scores = [item.score for item in answer.items]
    assert scores == sorted(scores, reverse=True)


def test_the_collaborative_space_agrees_with_a_naive_cosine(
    six_sounds: ModelBundle, shelf: Store
) -> None:
    models = six_sounds.hybrid.models
    factors = np.array(models.collaborative.item_factors, np.float64)
    heard = np.flatnonzero(models.collaborative.support > 0)
    cosine = {
        n: factors[n] @ factors[SEED] / np.linalg.norm(factors[n]) / np.linalg.norm(factors[SEED])
        for n in heard
        if n != SEED
    }
    best = sorted(cosine, key=lambda n: -cosine[n])[:10]
    answer = Recommender(six_sounds, shelf).similar(track_id(SEED), 10, space=Space.COLLABORATIVE)
    assert ids(answer) == [track_id(int(n)) for n in best]
    assert [item.score for item in answer.items] == pytest.approx([cosine[n] for n in best])


def test_hybrid_prefers_what_both_spaces_agree_on(six_sounds: ModelBundle, shelf: Store) -> None:
    recommender = Recommender(six_sounds, shelf)
    first = ids(recommender.similar(track_id(SEED), 1, space=Space.HYBRID))[0]
    places = [
        ids(recommender.similar(track_id(SEED), 200, space=space)).index(first)
        for space in (Space.AUDIO, Space.COLLABORATIVE)
    ]
    assert max(places) < 40


def test_a_track_that_a_space_does_not_know_is_refused_there_and_answered_elsewhere(
    six_sounds: ModelBundle, shelf: Store
) -> None:
    recommender = Recommender(six_sounds, shelf)
    unheard = track_id(N_TRACKS - 1)
    with pytest.raises(NotAnalysedError, match="no listeners"):
        recommender.similar(unheard, space=Space.COLLABORATIVE)
    assert recommender.similar(unheard, 5, space=Space.HYBRID).items
    vectors = np.array(six_sounds.hybrid.models.embeddings)
    vectors[SEED] = np.nan
    deaf = Recommender(with_models(six_sounds, embeddings=vectors), shelf)
    with pytest.raises(NotAnalysedError, match="no audio vector"):
        deaf.similar(track_id(SEED), space=Space.AUDIO)
    assert deaf.similar(track_id(SEED), 5).items[0].sources == ("collaborative",)


@pytest.mark.parametrize("space", Space)
def test_copies_of_the_seed_and_of_each_other_are_listed_once(
    six_sounds: ModelBundle, shelf: Store, space: Space
) -> None:
    models = six_sounds.hybrid.models
    near = [
        number(track)
        for track in ids(
            Recommender(six_sounds, shelf).similar(track_id(SEED), 4, space=Space.HYBRID)
        )
    ]
    vectors, duration = np.array(models.embeddings), np.array(models.catalogue.duration)
    for copy, original in ((near[0], SEED), (near[2], near[1])):
        vectors[copy], duration[copy] = vectors[original], duration[original]
    copied = with_models(
        six_sounds, embeddings=vectors, catalogue=replace(models.catalogue, duration=duration)
    )
    answer = ids(Recommender(copied, shelf).similar(track_id(SEED), 150, space=space))
    assert track_id(near[0]) not in answer
    assert len({track_id(near[1]), track_id(near[2])} & set(answer)) == 1


@pytest.mark.parametrize("space", Space)
@pytest.mark.parametrize("filters", [
    Filters(genres=("rare",)), Filters(year_from=1990), Filters(exclude_ids=frozenset({"t014"})),
    Filters(artists=("artist 2",), year_to=1990),
])  # fmt: skip
def test_filters_hold_in_every_space_and_the_list_fills(
    six_sounds: ModelBundle, shelf: Store, space: Space, filters: Filters
) -> None:
    recommender = Recommender(six_sounds, shelf)
    everything = ids(recommender.similar(track_id(SEED), 10_000, space=space))
    tracks = {track.track_id: track for track in shelf.tracks(everything)}
    meets = [
        name
        for name in everything
        if (not filters.genres or (tracks[name].genre or "").casefold() in filters.genres)
        and (not filters.artists or (tracks[name].artist or "") in filters.artists)
        and (filters.year_from is None or tracks[name].year >= filters.year_from)
        and (filters.year_to is None or tracks[name].year <= filters.year_to)
        and name not in filters.exclude_ids
    ]
    answer = ids(recommender.similar(track_id(SEED), 40, space=space, filters=filters))
    if space is Space.HYBRID:  # ranks among fewer tracks are other ranks
        assert len(answer) == min(40, len(meets))
        assert set(answer) <= set(meets)
    else:
        assert answer == meets[:40]


def test_withdrawn_tracks_leave_every_space(six_sounds: ModelBundle, store: Store) -> None:
    recommender = Recommender(six_sounds, store)
    for space in Space:
        gone = ids(recommender.similar(track_id(SEED), 10, space=space))[:5]
        store.set_withdrawn(gone)
        again = ids(recommender.similar(track_id(SEED), 10, space=space))
        assert len(again) == 10
        assert not set(gone) & set(again)
