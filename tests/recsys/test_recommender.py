"""Answers over the planted world: even listeners take to even tracks."""

from dataclasses import replace

import numpy as np
import pytest

from data.errors import NotReadyError, ParameterError, UnknownTrackError
from data.events import Event, EventKind
from data.store import Store
from data.tracks import Track
from ranker.config import RerankSettings
from ranker.hybrid import Hybrid
from recsys.bundle import open_bundle, write_bundle
from recsys.config import Config
from recsys.live import LiveRecommender
from recsys.recommender import Recommender
from recsys.training import TrainingData, fit_hybrid
from recsys.workspace import Workspace
from tests.ranker.worlds import N_TRACKS, planted_embeddings, planted_log, track_id
from tests.recsys.conftest import FACTS, publish_hybrid


@pytest.fixture
def recommender(workspace: Workspace, hybrid: Hybrid, store: Store) -> Recommender:
    folder = workspace.models / "v1"
    write_bundle(folder, "v1", hybrid, FACTS)
    return Recommender(open_bundle(folder), store)


def heard_by(user: str) -> set[str]:
    log = planted_log()
    rows = log.user_index == log.users.index(user)
    return set(log.items.externals(log.item_index[rows]))


def numbers(answer: object) -> list[int]:
    return [int(item.track_id[1:]) for item in answer.items]  # type: ignore[attr-defined]


def test_listeners_get_unheard_tracks_of_their_kind(recommender: Recommender) -> None:
    answer = recommender.recommend("u02", 10)
    assert len(answer.items) == 10
    assert not answer.fallback
    assert answer.model_version == recommender.version
    assert len({item.track_id for item in answer.items}) == 10
    assert not heard_by("u02") & {item.track_id for item in answer.items}
    scores = [item.score for item in answer.items]
    assert scores == sorted(scores, reverse=True)
    assert sum(number % 2 == 0 for number in numbers(answer)) >= 9
    assert all(item.reason and item.sources for item in answer.items)


def test_reasons_do_not_name_a_track_that_was_withdrawn(
    recommender: Recommender, store: Store
) -> None:
    gone = sorted(heard_by("u02"))
    names = {store.track(track).caption for track in gone}
    before = recommender.recommend("u02", 20)
    assert any(name in item.reason for item in before.items for name in names)

    store.set_withdrawn(gone)

    after = recommender.recommend("u02", 20)
    assert after.items
    for name in names | set(gone):
        assert not any(name in item.reason for item in after.items)


def test_unknown_listener_falls_back_to_popular(recommender: Recommender) -> None:
    answer = recommender.recommend("nobody", 5)
    assert answer.fallback
    assert len(answer.items) == 5
    assert {source for item in answer.items for source in item.sources} == {"popular"}


def test_a_new_listener_is_understood_from_the_first_plays_on(
    recommender: Recommender, store: Store
) -> None:
    store.add_events(
        [Event(f"n{n}", "newcomer", track_id(n), EventKind.PLAY, 2e6 + n) for n in (1, 3, 5)]
    )
    answer = recommender.recommend("newcomer", 10)
    assert not answer.fallback
    assert sum(number % 2 == 1 for number in numbers(answer)) >= 9


def test_a_dislike_removes_the_track_even_when_heard_ones_are_allowed(
    recommender: Recommender, store: Store
) -> None:
    before = recommender.recommend("u00", 30, exclude_listened=False)
    refused = before.items[0].track_id
    store.add_events([Event("no", "u00", refused, EventKind.DISLIKE, 2e6)])
    after = recommender.recommend("u00", 30, exclude_listened=False)
    assert refused not in {item.track_id for item in after.items}


def test_skips_change_the_next_list(recommender: Recommender, store: Store) -> None:
    before = recommender.recommend("u00", 20)
    skipped = [item.track_id for item in before.items[:3]]
    store.add_events(
        [Event(f"s{i}", "u00", track, EventKind.SKIP, 2e6) for i, track in enumerate(skipped)]
    )
    after = recommender.recommend("u00", 20)
    assert not set(skipped) & {item.track_id for item in after.items}


def test_asking_for_more_than_there_is_gives_a_shorter_list(recommender: Recommender) -> None:
    answer = recommender.recommend("u00", 1000)
    assert 0 < len(answer.items) <= 60 - len(heard_by("u00"))


def test_withdrawn_tracks_never_leak_and_the_list_still_fills(
    recommender: Recommender, store: Store
) -> None:
    for answer in (recommender.recommend("u00", 10), recommender.similar(track_id(0), 10)):
        gone = [item.track_id for item in answer.items[:8]]
        store.set_withdrawn(gone)
    again = recommender.recommend("u00", 10)
    similar = recommender.similar(track_id(0), 10)
    offered = {track.track_id for track in store.tracks()}
    for answer in (again, similar):
        assert len(answer.items) == 10
        assert {item.track_id for item in answer.items} <= offered


def test_similar_tracks_sound_alike_and_never_include_the_seed(recommender: Recommender) -> None:
    answer = recommender.similar(track_id(4), 20)
    assert len(answer.items) == 20
    assert 4 not in numbers(answer)
    assert all(number % 2 == 0 for number in numbers(answer))
    scores = [item.score for item in answer.items]
    assert scores == sorted(scores, reverse=True)


def test_similar_to_a_vector_finds_its_own_track_first(recommender: Recommender) -> None:
    assert numbers(recommender.similar_to_vector(planted_embeddings()[17], 3))[0] == 17


def test_a_vector_of_another_encoder_is_refused(recommender: Recommender) -> None:
    with pytest.raises(ParameterError, match="4 numbers"):
        recommender.similar_to_vector(planted_embeddings()[0][:3], 3)


def test_unknown_seed_is_an_error(recommender: Recommender) -> None:
    with pytest.raises(UnknownTrackError, match="'nothing'"):
        recommender.similar("nothing")


def test_a_seed_younger_than_the_model_says_what_to_run(
    recommender: Recommender, store: Store
) -> None:
    store.upsert_tracks([Track("young")])
    with pytest.raises(NotReadyError, match="recsys train"):
        recommender.similar("young")


def test_zero_tracks_cannot_be_asked_for(recommender: Recommender) -> None:
    with pytest.raises(ParameterError, match="at least 1"):
        recommender.recommend("u00", 0)


def test_pages_put_together_are_the_long_list(recommender: Recommender) -> None:
    for dials in (
        RerankSettings(),
        RerankSettings(diversity=0.6, popularity=-0.5, max_per_artist=3, new_tracks=0.3),
    ):
        whole = recommender.recommend("u00", 15, dials=dials).items
        pages = [
            item
            for offset in (0, 5, 10)
            for item in recommender.recommend("u00", 5, offset=offset, dials=dials).items
        ]
        assert [item.track_id for item in whole] == [item.track_id for item in pages]
        assert len(whole) == 15
    assert recommender.recommend("u00", 5, offset=500).items == ()
    with pytest.raises(ParameterError, match="at least 0"):
        recommender.recommend("u00", 5, offset=-1)


def test_dials_change_the_list_as_they_say(recommender: Recommender) -> None:
    capped = recommender.recommend("u02", 20, dials=RerankSettings(max_per_artist=1))
    artists = [number // 10 for number in numbers(capped)]
    assert len(artists) == len(set(artists)) == 6
    new = recommender.recommend("u02", 10, dials=RerankSettings(new_tracks=0.5))
    assert sum(number >= 50 for number in numbers(new)) >= 5


def test_settings_of_the_workspace_are_the_dials_of_a_request_without(
    workspace: Workspace, hybrid: Hybrid, store: Store
) -> None:
    publish_hybrid(workspace, hybrid)
    dials = RerankSettings(max_per_artist=1)
    config = workspace.config.model_copy(update={"rerank": dials})
    answer = LiveRecommender(Workspace(workspace.home, config), store).current()
    assert len(answer.recommend("u02", 20).items) == 6


def test_the_same_recording_is_listed_once_and_returns_when_the_other_is_withdrawn(
    workspace: Workspace, training_data: TrainingData, store: Store
) -> None:
    vectors = training_data.embeddings.copy()
    vectors[51] = vectors[53]
    catalogue = replace(
        training_data.catalogue, duration=np.full(N_TRACKS, 200, np.float32) + 10 * np.arange(60)
    )
    catalogue.duration[51] = catalogue.duration[53]
    fitted = fit_hybrid(
        replace(training_data, embeddings=vectors, catalogue=catalogue),
        training_data.log,
        Config(),
    )
    write_bundle(workspace.models / "v1", "v1", fitted, FACTS)
    recommender = Recommender(open_bundle(workspace.models / "v1"), store)
    listed = set(numbers(recommender.recommend("u01", 100))) & {51, 53}
    assert len(listed) == 1
    store.set_withdrawn([track_id(number) for number in listed])
    assert set(numbers(recommender.recommend("u01", 100))) & {51, 53} == {51, 53} - listed


@pytest.mark.parametrize("with_sound", [True, False])
def test_where_nobody_listens_the_list_is_what_is_typical_or_new(
    workspace: Workspace, training_data: TrainingData, with_sound: bool
) -> None:
    store = Workspace.open(workspace.home / "silent").open_store()
    store.upsert_tracks(
        Track(track_id(n), artist=f"artist {n // 10}", added_at=1e9 + n) for n in range(N_TRACKS)
    )
    silent = replace(
        training_data,
        log=training_data.log.take(np.zeros(len(training_data.log), np.bool_)),
        embeddings=training_data.embeddings if with_sound else None,
    )
    write_bundle(workspace.models / "v1", "v1", fit_hybrid(silent, silent.log, Config()), FACTS)
    recommender = Recommender(open_bundle(workspace.models / "v1"), store)
    answer = recommender.recommend("anybody", 10)
    assert answer.fallback
    assert len({item.track_id for item in answer.items}) == 10
    if with_sound:
        vectors = training_data.embeddings
        nearest = (vectors @ vectors.mean(axis=0)).argmax()
        assert numbers(answer)[0] == nearest
        assert "typical" in answer.items[0].reason
    else:
        assert numbers(answer) == list(range(59, 49, -1))
        assert "newest" in answer.items[0].reason
    rest = recommender.recommend("anybody", 10, offset=10)
    assert not set(numbers(rest)) & set(numbers(answer))
    store.close()
