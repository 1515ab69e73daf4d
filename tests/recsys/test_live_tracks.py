"""Tracks that are added, hidden and changed while a bundle is being served."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.errors import NotAnalysedError, UnknownTrackError
from data.events import Event, EventKind
from data.interactions import History
from data.store import Store
from data.tracks import Track
from recsys import catalogue
from recsys.bundle import ModelBundle
from recsys.filters import Filters
from recsys.lists import Mode
from recsys.recommender import Recommender
from recsys.seeds import Seed
from tests.recsys.bigger import ENCODER, N_TRACKS, fill, number, sound, track, track_id, vector_near


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    fill(opened)
    yield opened
    opened.close()


@pytest.fixture
def recommender(
    six_sounds: ModelBundle, store: Store, monkeypatch: pytest.MonkeyPatch
) -> Recommender:
    monkeypatch.setattr(catalogue, "CHECK_EVERY", 0.0)
    return Recommender(six_sounds, store)


def add(store: Store, name: str, kind: int, *, seed: int = 9, **tags) -> None:
    store.upsert_tracks([Track(name, **tags)])
    vector = vector_near(kind, np.random.default_rng(seed), spread=0.1)
    store.put_embeddings(ENCODER, [(name, vector, "")])


def ids(answer) -> list[str]:
    return [item.track_id for item in answer.items]


def test_a_track_added_after_training_is_found_and_has_neighbours(
    recommender: Recommender, store: Store
) -> None:
    assert recommender.similar(track_id(2), 5).items  # the catalogue has been looked at before
    store.upsert_tracks([Track("new")])
    with pytest.raises(NotAnalysedError, match="recsys embed"):
        recommender.similar("new")
    add(store, "new", 2)
    assert "new" in ids(recommender.similar(track_id(2), 80))
    around = ids(recommender.similar("new", 20))
    assert "new" not in around
    assert all(sound(number(other)) == 2 for other in around)
    assert ids(recommender.similar_to_vector(vector_near(2, np.random.default_rng(9), 0.1), 1)) == [
        "new"
    ]


def test_a_track_added_after_training_reaches_the_listeners_of_its_kind(
    recommender: Recommender, store: Store
) -> None:
    recommender.recommend("u02", 5)
    for n in range(5):
        add(store, f"new {n}", 2, seed=n)
    answer = recommender.recommend("u02", 200, explain=True)
    found = {item.track_id: item for item in answer.items if item.track_id.startswith("new")}
    assert len(found) == 5
    for item in found.values():
        assert "bridge" in item.sources
        scores = {s.name: s.score for s in item.explanation.sources}
        assert scores["collaborative"] is None
        assert all(scores[name] is not None for name in ("bridge", "audio", "carried"))
        assert item.reason
    others = recommender.recommend("u03", 60)
    assert not any(track.startswith("new") for track in ids(others))


def test_the_bridge_scores_a_late_track_as_it_would_have_in_training(
    recommender: Recommender, store: Store, six_sounds: ModelBundle
) -> None:
    cold = N_TRACKS - 1
    twin = six_sounds.hybrid.models.embeddings[cold].astype(np.float32)
    store.upsert_tracks([replace(track(cold), track_id="twin", duration=None)])
    store.put_embeddings(ENCODER, [("twin", twin, "")])
    answer = recommender.recommend(f"u0{sound(cold)}", 200, explain=True)
    known, late = (
        next(item for item in answer.items if item.track_id == name)
        for name in (track_id(cold), "twin")
    )
    for one, other in zip(known.explanation.sources, late.explanation.sources, strict=True):
        assert (one.score is None) == (other.score is None), one.name
        assert one.score is None or one.score == pytest.approx(other.score, rel=0.05)


def test_tracks_added_before_the_service_started_are_found(
    six_sounds: ModelBundle, store: Store
) -> None:
    add(store, "early", 4)
    assert "early" in ids(Recommender(six_sounds, store).recommend("u04", 200))


def test_a_withdrawn_late_track_vanishes_at_once_and_comes_back(
    six_sounds: ModelBundle, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "CHECK_EVERY", 3600.0)
    add(store, "new", 2)
    recommender = Recommender(six_sounds, store)
    assert "new" in ids(recommender.recommend("u02", 200))
    store.set_withdrawn(["new", track_id(8)])
    for answer in (recommender.recommend("u02", 200), recommender.similar(track_id(2), 80)):
        assert not {"new", track_id(8)} & set(ids(answer))
    with pytest.raises(UnknownTrackError):
        recommender.similar("new")
    store.set_withdrawn(["new"], False)
    assert "new" in ids(recommender.recommend("u02", 200))


def test_a_late_track_that_loses_its_vector_leaves(recommender: Recommender, store: Store) -> None:
    add(store, "new", 2)
    assert "new" in ids(recommender.recommend("u02", 200))
    store.drop_embeddings(["new"])
    assert "new" not in ids(recommender.recommend("u02", 200))
    with pytest.raises(NotAnalysedError):
        recommender.similar("new")


def test_filters_follow_the_tags(recommender: Recommender, store: Store) -> None:
    polka = Filters(genres=("polka",))
    assert recommender.recommend("u00", filters=polka).items == ()
    add(store, "new", 2, genre="Polka", artist="The Late", year=2026)
    store.upsert_tracks([Track(track_id(3), genre="Polka")])
    assert set(ids(recommender.recommend("u00", filters=polka))) == {"new", track_id(3)}
    assert ids(recommender.similar(track_id(2), filters=Filters(artists=("the late",)))) == ["new"]
    store.upsert_tracks([Track(track_id(3), genre="Dub")])
    assert ids(recommender.recommend("u00", filters=polka)) == ["new"]


def test_a_late_track_counts_in_a_history_and_as_a_seed(
    recommender: Recommender, store: Store
) -> None:
    add(store, "new", 5)
    store.add_events([Event("x", "fresh", "new", EventKind.LIKE, 2e6)])
    answer = recommender.recommend("fresh", 20)
    assert not answer.fallback
    assert "new" not in ids(answer)
    assert sum(sound(number(track)) == 5 for track in ids(answer)) >= 18
    assert ids(recommender.recommend("fresh", mode=Mode.RELISTEN)) == ["new"]
    seeded = ids(recommender.recommend(None, 20, seeds=[Seed(track_id="new")]))
    assert sum(sound(number(track)) == 5 for track in seeded) >= 18


def test_the_artist_of_a_late_track_is_the_artist_of_the_others(
    recommender: Recommender, store: Store
) -> None:
    add(store, "new", 2, artist=" ARTIST 1")
    add(store, "other", 2, seed=10, artist="Nobody Else")
    models = recommender._catalogue.current().hybrid.models
    items = models.catalogue.items
    artist = models.catalogue.artist
    assert artist[items.index("new")] == artist[items.index(track_id(8))]
    assert artist[items.index("other")] not in artist[:N_TRACKS]


def test_pages_by_cursor_go_on_when_tracks_are_added(
    recommender: Recommender, store: Store
) -> None:
    first = recommender.recommend("u02", 20)
    add(store, "new", 2)
    second = recommender.recommend("u02", 200, cursor=first.next_cursor)
    assert "new" in ids(second)
    assert not set(ids(first)) & set(ids(second))


def test_the_catalogue_is_read_again_only_when_it_changed(
    recommender: Recommender, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommender.recommend("u00", 5, filters=Filters(genres=("dub",)))
    view = recommender._catalogue.current()
    store.add_events([Event("y", "u00", track_id(0), EventKind.PLAY, 2e6)])
    assert recommender._catalogue.current() is view
    store.set_withdrawn([track_id(0)])
    assert recommender._catalogue.current() is not view


def test_a_late_track_is_proposed_to_those_who_play_its_artist(
    recommender: Recommender, store: Store
) -> None:
    add(store, "theirs", 0, artist="Artist 0")
    add(store, "nobodys", 0, artist="Nobody")
    models = recommender._catalogue.current().hybrid.models
    late = models.catalogue.items.indices(["theirs", "nobodys"])
    artist = next(source for source in models.sources if source.name == "artist")
    history = History(
        np.array([0], np.int32), *(np.full(1, value, np.float32) for value in (3, 0, 0)),
        np.full(1, 1e6),
    )  # fmt: skip
    listener = models.listener(history, history.item_index)
    assert artist.score(listener, late).tolist() == [pytest.approx(np.log1p(3)), 0.0]
    assert np.isin(late, artist.candidates(listener, 200).item_index).tolist() == [True, False]
