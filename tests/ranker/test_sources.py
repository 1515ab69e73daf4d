"""One contract for every candidate source, and what each finds in a planted world."""

from dataclasses import replace

import numpy as np
import pytest

from data.arrays import Floats, Mask, Positions
from data.errors import ParameterError
from data.events import EventKind
from data.interactions import Interactions
from ranker.config import SOURCES, CandidateSettings
from ranker.listener import Listener
from ranker.models import CandidateModels
from ranker.sources import CandidateSource, CategorySource, RisingSource
from ranker.sources.category import listening_shares
from ranker.sources.rising import RISING
from tests.logs import make_log
from tests.ranker.worlds import (
    COLD,
    N_TRACKS,
    fit,
    label_catalogue,
    mixed_catalogue,
    planted_embeddings,
    planted_log,
    track_id,
)


@pytest.fixture(scope="module")
def models() -> CandidateModels:
    return fit(planted_log(), planted_embeddings())


def listener_of(models: CandidateModels, user: int, excluded: Positions | None = None) -> Listener:
    history = Interactions.from_log(planted_log()).history(user)
    return models.listener(history, history.item_index if excluded is None else excluded)


def of_events(models: CandidateModels, events: list[tuple]) -> Listener:
    history = Interactions.from_log(make_log(events, items=list(models.catalogue.items)))
    return models.listener(history.history(0), np.zeros(0, np.int32))


class SourceContract:
    """What every source promises."""

    name: str

    @pytest.fixture
    def source(self, models: CandidateModels) -> CandidateSource:
        return next(source for source in models.sources if source.name == self.name)

    def test_candidates_are_ordered_distinct_and_never_excluded(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        for user in range(5):
            listener = listener_of(models, user)
            found = source.candidates(listener, 12)
            assert 0 < len(found) <= 12
            assert len(set(found.item_index.tolist())) == len(found)
            assert (np.diff(found.score) <= 0).all()
            assert not np.isin(found.item_index, listener.excluded).any()

    def test_candidate_scores_are_those_of_score(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        listener = listener_of(models, 1)
        found = source.candidates(listener, 12)
        np.testing.assert_allclose(
            source.score(listener, found.item_index), found.score, rtol=1e-4, atol=1e-6
        )

    def test_candidates_are_the_best_of_all_tracks_that_it_may_propose(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        """The naive reference: score every track, take the best."""
        every = np.arange(N_TRACKS, dtype=np.int32)
        for user in range(8):
            listener = listener_of(models, user)
            score = source.score(listener, every)
            able = ~np.isnan(score) & self.proposes(models, score)
            able[listener.excluded] = False
            found = source.candidates(listener, 12)
            assert len(found) == min(12, able.sum())
            assert able[found.item_index].all()
            best = np.sort(score[able])[::-1][:12]
            np.testing.assert_allclose(found.score, best, rtol=1e-4, atol=1e-6)

    def proposes(self, models: CandidateModels, score: Floats) -> Mask:
        """Tracks that it proposes if it can score them."""
        return np.ones(N_TRACKS, np.bool_)

    def test_nothing_is_proposed_when_everything_is_excluded(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        listener = listener_of(models, 0, np.arange(N_TRACKS, dtype=np.int32))
        assert len(source.candidates(listener, 12)) == 0

    def test_asking_for_more_than_exists_gives_what_exists(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        assert len(source.candidates(listener_of(models, 0), 10_000)) <= N_TRACKS


class TestCollaborative(SourceContract):
    name = "collaborative"

    def test_it_proposes_the_tracks_of_the_listeners_kind(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        found = source.candidates(listener_of(models, 1), 8)
        assert (found.item_index % 2 == 1).all()

    def test_cold_tracks_cannot_be_scored(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        assert np.isnan(source.score(listener_of(models, 0), np.array(COLD, np.int32))).all()


class TestItemItem(SourceContract):
    name = "item_item"

    def proposes(self, models: CandidateModels, score: Floats) -> Mask:
        return score != 0

    def test_it_proposes_the_tracks_of_the_listeners_kind(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        found = source.candidates(listener_of(models, 1), 8)
        assert (found.item_index % 2 == 1).all()

    def test_cold_tracks_cannot_be_scored(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        assert np.isnan(source.score(listener_of(models, 0), np.array(COLD, np.int32))).all()

    @pytest.mark.parametrize("favourite", [0, 1])
    def test_what_a_listener_plays_most_decides(
        self, models: CandidateModels, source: CandidateSource, favourite: int
    ) -> None:
        pair = np.array([0, 1], np.int32)
        both = listener_of(models, 0).history.take(np.array([0, 1]))
        plays = np.where(pair == favourite, 200.0, 1.0).astype(np.float32)
        history = replace(both, item_index=pair, plays=plays)
        found = source.candidates(models.listener(history, pair), 5)
        assert (found.item_index % 2 == favourite).all()

    def test_a_track_that_nothing_liked_speaks_of_is_not_proposed(self) -> None:
        # Weights of near neighbours: the tracks of the other kind have none.
        models = fit(planted_log(), planted_embeddings(), dense_up_to=0)
        source = next(source for source in models.sources if source.name == self.name)
        found = source.candidates(listener_of(models, 1), N_TRACKS)
        assert 0 < len(found) < 50
        assert (found.item_index % 2 == 1).all()
        assert (found.score > 0).all()


class TestCarried(SourceContract):
    name = "carried"

    def test_it_proposes_cold_tracks_of_the_listeners_kind_first(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        found = source.candidates(listener_of(models, 1), 5)
        assert sorted(found.item_index.tolist()) == list(range(51, 60, 2))

    def test_established_tracks_cannot_be_scored(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        assert np.isnan(source.score(listener_of(models, 0), np.arange(50, dtype=np.int32))).all()


class TestAudio(SourceContract):
    name = "audio"

    def test_it_proposes_what_sounds_alike_heard_or_not(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        found = source.candidates(listener_of(models, 0), 15)
        assert (found.item_index % 2 == 0).all()
        assert set(range(50, 60, 2)) <= set(found.item_index.tolist())


class TestCentres(SourceContract):
    name = "audio_centres"

    @pytest.fixture
    def models(self) -> CandidateModels:
        return fit(planted_log(), planted_embeddings(), taste_centres=3)

    def test_who_likes_opposite_sounds_is_offered_both_where_their_mean_is_neither(self) -> None:
        rng = np.random.default_rng(5)
        kinds = np.array([[1.0, 0, 0, 0], [-1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, -1.0, 0, 0]])
        kind = np.arange(N_TRACKS) % 4
        vectors = kinds[kind] + 0.1 * rng.normal(size=(N_TRACKS, 4))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        heard = [track for track in range(40) if kind[track] < 2][:12]
        log = make_log(
            [("one", track_id(track)) for track in heard],
            items=[track_id(track) for track in range(N_TRACKS)],
        )
        models = fit(log, vectors.astype(np.float32), taste_centres=2)
        history = Interactions.from_log(log).history(0)
        listener = models.listener(history, history.item_index)
        found = {
            source.name: kind[source.candidates(listener, 16).item_index]
            for source in models.sources
        }
        assert set(found["audio_centres"].tolist()) == {0, 1}
        assert (np.bincount(found["audio_centres"]) >= 6).all()
        assert (found["audio"] >= 2).any()

    def test_of_one_kind_there_is_nothing_to_tell_apart(self) -> None:
        models = fit(planted_log(), planted_embeddings())
        assert self.name not in {source.name for source in models.sources}
        asked = fit(planted_log(), planted_embeddings(), taste_centres=3)
        source = next(source for source in asked.sources if source.name == self.name)
        history = listener_of(asked, 0).history
        lone = asked.listener(history.take(np.arange(len(history)) < 1), history.item_index)
        assert len(source.candidates(lone, 5)) == 0
        assert np.isnan(source.score(lone, history.item_index)).all()


class TestBridge(SourceContract):
    name = "bridge"

    def proposes(self, models: CandidateModels, score: Floats) -> Mask:
        return models.popularity < models.settings.newcomer_support

    def test_it_proposes_cold_tracks_of_the_listeners_kind_first(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        found = source.candidates(listener_of(models, 1), 5)
        assert sorted(found.item_index.tolist()) == list(range(51, 60, 2))


class TestPopular(SourceContract):
    name = "popular"

    def proposes(self, models: CandidateModels, score: Floats) -> Mask:
        return models.popularity > 0

    def test_it_orders_by_number_of_listeners(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        found = source.candidates(listener_of(models, 0), 10)
        np.testing.assert_allclose(found.score, np.log1p(models.popularity[found.item_index]))


class TestArtist(SourceContract):
    name = "artist"

    @pytest.fixture
    def models(self) -> CandidateModels:
        return fit(planted_log(), None, catalogue=mixed_catalogue())

    def proposes(self, models: CandidateModels, score: Floats) -> Mask:
        return models.newcomers & (score > 0)

    def test_new_tracks_of_the_artist_played_most_come_first(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        heard = [("me", track_id(n)) for n in (3, 13, 23, 7)]
        history = Interactions.from_log(make_log(heard, items=list(models.catalogue.items)))
        listener = models.listener(history.history(0), np.zeros(0, np.int32))
        found = source.candidates(listener, 12)
        assert found.item_index.tolist() == [53, 57]
        np.testing.assert_allclose(found.score, np.log1p([3, 1]), rtol=1e-6)

    def test_a_skipped_artist_is_none_that_is_played(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        heard = [("me", track_id(3), EventKind.SKIP), ("me", track_id(7))]
        history = Interactions.from_log(make_log(heard, items=list(models.catalogue.items)))
        listener = models.listener(history.history(0), np.zeros(0, np.int32))
        assert source.candidates(listener, 12).item_index.tolist() == [57]

    def test_a_track_without_an_artist_cannot_be_scored(self, models: CandidateModels) -> None:
        nameless = np.full(N_TRACKS, -1, np.int32)
        source = CategorySource("artist", models.catalogue.artist, nameless, models.newcomers)
        listener = listener_of(models, 0)
        assert np.isnan(source.score(listener, np.arange(N_TRACKS, dtype=np.int32))).all()
        assert not len(source.candidates(listener, 12))


class TestLabel(SourceContract):
    name = "label"

    @pytest.fixture
    def models(self) -> CandidateModels:
        return fit(planted_log(), None, catalogue=label_catalogue())

    def proposes(self, models: CandidateModels, score: Floats) -> Mask:
        return models.newcomers & (score >= 0)

    def test_new_tracks_of_the_label_played_most_beyond_its_share_come_first(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        heard = [("me", track_id(n)) for n in (3, 13, 23, 7)]
        listener = of_events(models, heard)
        found = source.candidates(listener, 12)
        assert found.item_index.tolist() == [53, 57]
        # The naive reference.
        of_label = [[n for n in range(N_TRACKS) if n % 10 == label] for label in (3, 7)]
        share = [models.popularity[own].sum() / models.popularity.sum() for own in of_label]
        expected = [np.log(1 + n) - np.log(1 + s * 4) for n, s in zip((3, 1), share, strict=True)]
        np.testing.assert_allclose(found.score, expected, rtol=1e-5)
        unplayed = source.score(listener, np.array([51], np.int32))
        of_one = models.popularity[1::10].sum() / models.popularity.sum()
        np.testing.assert_allclose(unplayed, [-np.log(1 + of_one * 4)], rtol=1e-5)

    def test_a_label_that_has_most_of_all_music_says_less_than_a_small_one(self) -> None:
        # Track 0 … 7 are of the large label, 8 … 9 of the small one; the last two are new.
        label = np.array([0] * 8 + [1] * 2 + [0, 1], np.int32)
        popularity = np.array([30.0] * 8 + [3.0] * 2 + [0.0, 0.0], np.float32)
        shares = listening_shares(label, popularity)
        np.testing.assert_allclose(shares, [240 / 246, 6 / 246])
        source = CategorySource("label", label, label, popularity == 0, shares)
        models = fit(planted_log(), None)
        listener = of_events(models, [("me", track_id(n)) for n in (0, 1, 2, 3, 8)])
        found = source.candidates(listener, 5)
        assert found.item_index.tolist() == [11]  # four of five plays are fewer than expected
        large, small = source.score(listener, np.array([10, 11], np.int32))
        assert large < 0 < small

    def test_a_track_without_a_label_cannot_be_scored(self, models: CandidateModels) -> None:
        nameless = np.full(N_TRACKS, -1, np.int32)
        for heard in (models.catalogue.label, nameless):
            source = CategorySource("label", heard, nameless, models.newcomers)
            listener = listener_of(models, 0)
            assert np.isnan(source.score(listener, np.arange(N_TRACKS, dtype=np.int32))).all()
            assert not len(source.candidates(listener, 12))


class TestRising(SourceContract):
    name = "rising"

    @pytest.fixture
    def models(self) -> CandidateModels:
        known = fit(planted_log(), None)
        recent = np.where(np.arange(N_TRACKS) % 3 == 0, known.popularity, 0).astype(np.float32)
        return replace(known, recent_popularity=recent)

    def proposes(self, models: CandidateModels, score: Floats) -> Mask:
        return score > RISING

    def test_what_found_its_listeners_of_late_is_proposed(
        self, models: CandidateModels, source: CandidateSource
    ) -> None:
        found = source.candidates(listener_of(models, 0, np.zeros(0, np.int32)), 12)
        assert (found.item_index % 3 == 0).all()

    def test_the_score_is_the_distance_from_the_expected_number(self) -> None:
        source = RisingSource(np.array([8, 2], np.float32), np.array([1, 4], np.float32))
        # Half of all listeners are of late: 4 and 1 are expected.
        scores = source.score(None, np.arange(2, dtype=np.int32))  # type: ignore[arg-type]
        np.testing.assert_allclose(scores, [-3 / np.sqrt(5), 3 / np.sqrt(2)], rtol=1e-6)


def test_nothing_rises_in_a_log_without_times() -> None:
    models = fit(planted_log(), None)
    rising = next(source for source in models.sources if source.name == "rising")
    assert not len(rising.candidates(listener_of(models, 0), 12))


def test_a_catalogue_without_vectors_has_no_audio_sources() -> None:
    models = fit(planted_log(), None)
    assert [source.name for source in models.sources] == [
        "collaborative",
        "item_item",
        "artist",
        "popular",
        "rising",
    ]


def test_there_is_a_source_of_labels_where_a_track_has_one() -> None:
    models = fit(planted_log(), None, catalogue=label_catalogue())
    names = [source.name for source in models.sources]
    assert names == ["collaborative", "item_item", "artist", "label", "popular", "rising"]


def test_a_library_without_listens_has_audio_and_popularity_only() -> None:
    log = planted_log()
    models = fit(log.take(np.zeros(len(log), np.bool_)), planted_embeddings())
    assert [source.name for source in models.sources] == ["audio", "popular", "rising"]


def test_unknown_listeners_get_popular_tracks_only() -> None:
    models = fit(planted_log(), planted_embeddings())
    log = planted_log()
    nobody = Interactions.from_log(log.take(np.zeros(len(log), np.bool_))).history(0)
    candidates = models.candidates(models.listener(nobody, nobody.item_index))
    assert {candidates.sources[c] for c in np.flatnonzero(~np.isnan(candidates.rank).all(0))} == {
        "popular"
    }


def test_a_disliked_sound_turns_the_taste_away_from_it() -> None:
    models = fit(planted_log(), planted_embeddings())
    history = Interactions.from_log(planted_log()).history(0)
    before = models.listener(history, history.item_index)
    opinion = history.opinion.copy()
    opinion[:7] = -1.0
    after = models.listener(
        type(history)(history.item_index, history.plays, history.skips, opinion, history.last_at),
        history.item_index,
    )
    embeddings = planted_embeddings()
    refused = embeddings[history.item_index[:7]].mean(axis=0)
    assert before.taste is not None
    assert after.taste is not None
    assert after.taste @ refused < before.taste @ refused


def test_the_names_that_settings_know_are_those_of_the_sources_in_their_order() -> None:
    catalogue = label_catalogue()
    everything = fit(planted_log(), planted_embeddings(), catalogue=catalogue, taste_centres=2)
    assert tuple(source.name for source in everything.sources) == SOURCES


def test_to_leave_out_all_sources_that_a_catalogue_has_is_an_error(models: CandidateModels) -> None:
    names = tuple(source.name for source in models.sources)
    assert set(names) < set(SOURCES)
    with pytest.raises(ParameterError, match=r"leave_out.*collaborative.*remove one"):
        _ = replace(models, settings=CandidateSettings(leave_out=names)).sources
    one = replace(models, settings=CandidateSettings(leave_out=names[1:]))
    assert [source.name for source in one.sources] == [names[0]]
