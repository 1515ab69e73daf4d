"""Contributions add up, and the sentence names what they rest on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cf_model.fold_in import FoldIn
from data.events import EventKind
from data.interactions import Interactions
from data.tracks import Catalogue, Track
from ranker.config import RankerSettings
from ranker.features import compute_features, feature_names
from ranker.habit import familiar
from ranker.hybrid import Hybrid
from ranker.labelled import LabelledLists
from ranker.listener import Listener
from ranker.models import CandidateModels
from ranker.ranking import FusionRanker, train_ranker
from ranker.reasons import FamilyShares, Reason, explain
from ranker.sources import ExplainingSource
from tests.logs import make_log
from tests.ranker.worlds import (
    N_TRACKS,
    fit,
    label_catalogue,
    planted_embeddings,
    planted_log,
    track_id,
)


@pytest.fixture(scope="module")
def models() -> CandidateModels:
    return fit(planted_log(), planted_embeddings())


def listening(models: CandidateModels, rows: list[tuple]) -> Listener:
    log = make_log([("me", *row) for row in rows], items=list(models.catalogue.items))
    history = Interactions.from_log(log).history(0)
    return models.listener(history, history.item_index)


def even_listener(models: CandidateModels) -> Listener:
    return listening(models, [(track_id(n),) for n in (0, 2, 14, 26)])


def reason_for(
    models: CandidateModels, listener: Listener, item: int, feature: str
) -> tuple[Reason, str]:
    """Reason for `item` when one feature contributes everything."""
    names = feature_names([source.name for source in models.sources])
    candidates = models.candidates(listener)
    row = int(np.flatnonzero(candidates.item_index == item)[0])
    features = compute_features(models, listener, candidates)[[row]]
    contributions = np.zeros((1, len(names) + 1))
    contributions[0, names.index(feature)] = 1.0
    (reason,) = explain(
        models, listener, np.array([item], np.int32), features, contributions, names
    )
    return reason, reason.sentence(tagged)


def tagged(position: int) -> Track:
    return Track(
        track_id(position),
        artist=f"artist {position // 10}",
        title=f"title {position}",
        label=f"label {position % 10}",
    )


def test_families_add_up_to_the_score_less_its_base(models: CandidateModels) -> None:
    names = feature_names([source.name for source in models.sources])
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2000, len(names))).astype(np.float32)
    relevant = (features[:, 0] + features[:, -1] + rng.normal(size=2000) > 2).astype(np.int8)
    lists = LabelledLists(features, relevant, np.full(50, 40), np.arange(50))
    ranker = train_ranker(lists, names, RankerSettings(min_rows_in_leaf=5))
    shown = features[:200]
    shares = FamilyShares.of(ranker.contributions(shown), names)
    base = ranker.predict(shown) - shares.share.sum(axis=1)
    np.testing.assert_allclose(base, base[0], atol=1e-4)
    assert (np.abs(shares.share).max(axis=0) > 0).sum() >= 2


def test_families_of_rank_fusion_add_up_to_its_score(models: CandidateModels) -> None:
    names = feature_names([source.name for source in models.sources])
    listener = even_listener(models)
    features = compute_features(models, listener, models.candidates(listener))
    ranker = FusionRanker(names)
    shares = FamilyShares.of(ranker.contributions(features), names)
    np.testing.assert_allclose(shares.share.sum(axis=1), ranker.predict(features), atol=1e-4)


def test_every_feature_belongs_to_one_family_and_every_source_to_its_own() -> None:
    names = feature_names(
        ["collaborative", "item_item", "audio", "bridge", "carried", "label", "popular", "rising"]
    )
    shares = FamilyShares.of(np.eye(len(names), len(names) + 1), names)
    assert (shares.share.sum(axis=1) == 1).all()
    family = {n: shares.families[int(r.argmax())] for n, r in zip(names, shares.share, strict=True)}
    assert family["item_item_score"] == "item_item"
    assert family["audio_nearest"] == "audio"
    assert family["recent_popularity"] == "popular"
    assert family["rising_relative"] == "rising"
    assert family["artist_skips"] == "artist"
    assert family["label_plays"] == family["label_rank"] == "label"
    assert family["agreement"] == family["listener_tracks"] == "rest"


def test_shares_of_the_history_add_up_to_the_score_of_als() -> None:
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(30, 5)).astype(np.float32)
    fold_in = FoldIn(factors, 2.0)
    items = np.array([3, 7, 8, 20], np.int32)
    signed = np.array([2.0, -3.0, 1.5, 4.0], np.float32)
    evidence = fold_in.evidence(items, signed) @ factors[11]
    assert evidence[1] == 0
    assert evidence.sum() == pytest.approx(factors[11] @ fold_in.user_factor(items, signed), 1e-4)
    alone = fold_in.evidence(items[:1], signed[:1]) @ factors[3]
    assert alone == pytest.approx(factors[3] @ fold_in.user_factor(items[:1], signed[:1]), 1e-4)


@pytest.mark.parametrize("name", ["collaborative", "item_item", "carried"])
def test_the_track_that_is_named_is_the_one_whose_absence_costs_most(
    models: CandidateModels, name: str
) -> None:
    source = next(source for source in models.sources if source.name == name)
    assert isinstance(source, ExplainingSource)
    # Even tracks and one odd track: an even one speaks for even tracks.
    listener = listening(models, [(track_id(n),) for n in (0, 2, 14, 26, 27)])
    items = source.candidates(listener, 5).item_index
    named = source.explain(listener, items)
    assert named.dtype == np.int32
    assert np.isin(named, listener.liked_items).all()
    assert (named[items % 2 == 0] != 27).all()
    for row in range(len(items)):  # alone as among others
        assert source.explain(listener, items[row : row + 1]).tolist() == [named[row]]


def test_a_listener_without_likes_is_told_no_track(models: CandidateModels) -> None:
    listener = listening(models, [(track_id(3), EventKind.DISLIKE)])
    for source in models.sources:
        if isinstance(source, ExplainingSource):
            assert source.explain(listener, np.array([4, 5], np.int32)).tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("feature", "begins", "ends"),
    [
        ("collaborative_score", "listeners who share your taste for artist", "play this"),
        ("item_item_score", "listeners of artist", "play this"),
        ("audio_nearest", "sounds like artist", ", which you play"),
        ("popularity", "popular: many listeners play this", "play this"),
        ("artist_plays", "more from artist 0, whom you play", "whom you play"),
    ],
)
def test_the_sentence_says_what_weighed_most_and_names_a_track_of_the_history(
    models: CandidateModels, feature: str, begins: str, ends: str
) -> None:
    listener = even_listener(models)
    reason, sentence = reason_for(models, listener, 4, feature)
    assert sentence.startswith(begins)
    assert sentence.endswith(ends)
    if reason.family in ("collaborative", "item_item", "audio"):
        assert reason.by in listener.liked_items


@pytest.mark.parametrize("feature", ["bridge_score", "carried_score"])
def test_only_of_a_track_that_hardly_anybody_heard_is_it_said(
    models: CandidateModels, feature: str
) -> None:
    listener = even_listener(models)
    _, sentence = reason_for(models, listener, 52, feature)
    assert sentence.startswith("hardly heard yet, and it sounds like what ")
    _, sentence = reason_for(models, listener, 4, "bridge_score")
    assert sentence == "sounds like what listeners with your taste play"


def test_popular_is_what_more_listeners_play_than_the_average_track(
    models: CandidateModels,
) -> None:
    popularity = models.popularity.copy()
    popularity[[4, 6]] = 1, 2
    counted = replace(models, popularity=popularity)
    listener = even_listener(counted)
    most = int(popularity[4:50:2].argmax()) * 2 + 4
    for item, says in (
        (4, "another listener plays this"),
        (6, "other listeners play this"),
        (most, "popular: many listeners play this"),
    ):
        assert reason_for(counted, listener, item, "popularity")[1] == says


def test_a_cold_track_of_a_known_artist_is_new_from_them(models: CandidateModels) -> None:
    assert Reason("artist", 52, cold=True).sentence(tagged) == "new from artist 5, whom you play"


@pytest.fixture(scope="module")
def labelled() -> CandidateModels:
    return fit(planted_log(), planted_embeddings(), catalogue=label_catalogue())


def test_a_label_that_is_played_is_a_reason_for_its_new_tracks(labelled: CandidateModels) -> None:
    listener = listening(labelled, [(track_id(n),) for n in (0, 2, 14)])
    for item, says in ((50, "new on label 0"), (10, "more on label 0")):
        reason, sentence = reason_for(labelled, listener, item, "label_plays")
        assert (reason.family, reason.by) == ("label", item)
        assert sentence == f"{says}, whose tracks you play"
    reason, _ = reason_for(labelled, listener, 58, "label_plays")
    assert reason.family != "label"  # nothing of label 8 was played


def test_a_label_of_which_only_the_artist_is_played_is_no_reason() -> None:
    tracks = [
        Track(track_id(n), artist=f"artist {n % 10}", label=f"label {n % 5}")
        for n in range(N_TRACKS)
    ]
    models = fit(planted_log(), None, catalogue=Catalogue.from_tracks(tracks))
    own = listening(models, [(track_id(0),)])
    reason, _ = reason_for(models, own, 50, "label_plays")
    assert reason.family == "artist"
    others = listening(models, [(track_id(0),), (track_id(5),)])
    reason, _ = reason_for(models, others, 50, "label_plays")
    assert reason.family == "label"


def test_what_is_played_often_or_liked_is_said_so(models: CandidateModels) -> None:
    often = listening(models, [(track_id(0),)] * 6)
    assert reason_for(models, often, 4, "audio_nearest")[1].endswith("which you play often")
    liked = listening(models, [(track_id(0), EventKind.LIKE)])
    assert reason_for(models, liked, 4, "audio_nearest")[1].endswith("which you like")


def test_a_family_that_cannot_explain_a_track_is_passed_over(models: CandidateModels) -> None:
    listener = even_listener(models)
    reason, _ = reason_for(models, listener, 4, "agreement")
    assert reason.family != "rest"
    stranger = listening(models, [(track_id(1), EventKind.SKIP)])
    reason, sentence = reason_for(models, stranger, 4, "audio_nearest")
    assert sentence == "popular: many listeners play this"


def test_a_known_track_is_there_for_what_the_listener_does_with_it(
    models: CandidateModels,
) -> None:
    day = 86_400.0
    rows = [(track_id(0), EventKind.PLAY, n * day) for n in range(5)]
    rows += [(track_id(2), EventKind.PLAY, 20 * day), (track_id(2), EventKind.LIKE, 20 * day + 1)]
    rows += [(track_id(4), EventKind.PLAY, 40 * day)]
    listener = listening(models, rows)
    names = feature_names([source.name for source in models.sources], known=True)
    ranked = Hybrid(models, FusionRanker(("fusion",))).rank_known(
        listener, familiar(listener.history)
    )
    features = ranked.features
    shares = ranked.ranker.contributions(features)
    np.testing.assert_allclose(shares.sum(axis=1)[ranked.rows], ranked.score, rtol=1e-6)
    items = listener.history.item_index
    reasons = explain(models, listener, items, features, shares, names)
    assert [reason.sentence(tagged) for reason in reasons] == [
        "you play this often, but not for a while",
        "you like this",
        "you play this",
    ]
    # Whatever weighs most, that others play a track is no reason to hear one's own again.
    shares[:, names.index("popularity")] = shares[:, names.index("popular_score")] = 100.0
    reasons = explain(models, listener, items, features, shares, names)
    assert {reason.family for reason in reasons} == {"own"}


def test_a_track_that_finds_more_listeners_than_before_is_rising_and_no_other() -> None:
    day = 86_400.0
    old = [(f"u{n:02d}", track_id(n % 20)) for n in range(40)]
    late = [(f"u{n:02d}", track_id(40)) for n in range(30)]
    rows = [(*row, EventKind.PLAY, n * day) for n, row in enumerate(old * 5)]
    rows += [(*row, EventKind.PLAY, 399 * day + n) for n, row in enumerate(late)]
    log = make_log(rows, items=[track_id(n) for n in range(N_TRACKS)])
    models = fit(log, None)
    listener = listening(models, [(track_id(1),)])
    reason, sentence = reason_for(models, listener, 40, "rising_score")
    assert reason.family == "rising"
    assert sentence == "rising: more listeners play this than before"
    reason, _ = reason_for(models, listener, 5, "rising_score")
    assert reason.family != "rising"
