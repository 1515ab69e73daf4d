from dataclasses import replace

import numpy as np
import pytest

from data.events import EventKind
from data.interactions import Interactions
from data.tracks import Catalogue, Track
from ranker.candidates import Candidates
from ranker.features import NEAREST, compute_features, feature_names
from ranker.habit import OWN
from ranker.models import CandidateModels
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


def table(models: CandidateModels, rows: list[tuple]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Named feature columns for the listener with these events, and the candidates."""
    log = make_log(rows, items=list(models.catalogue.items))
    history = Interactions.from_log(log).history(0)
    listener = models.listener(history, history.item_index)
    candidates = models.candidates(listener)
    features = compute_features(models, listener, candidates)
    names = feature_names([source.name for source in models.sources])
    assert features.shape == (len(candidates), len(names))
    return dict(zip(names, features.T, strict=True)), candidates.item_index


def test_names_are_fixed_by_the_sources() -> None:
    assert feature_names(["a", "b"])[:6] == (
        "a_score",
        "a_relative",
        "a_rank",
        "b_score",
        "b_relative",
        "b_rank",
    )
    assert len(set(feature_names(["a", "b"]))) == len(feature_names(["a", "b"]))


def test_sources_score_what_others_proposed_and_rank_only_their_own(
    models: CandidateModels,
) -> None:
    columns, items = table(models, [("me", track_id(n)) for n in (0, 2, 4)])
    cold = items >= 50
    assert np.isnan(columns["collaborative_score"][cold]).all()
    assert np.isfinite(columns["collaborative_score"][~cold]).all()
    assert np.isfinite(columns["bridge_score"]).all()
    assert np.isnan(columns["bridge_rank"][~cold]).all()  # warm tracks are not the bridge's
    assert (columns["popular_rank"][~np.isnan(columns["popular_rank"])] >= 1).all()


def test_relative_scores_are_standardised_over_the_list(models: CandidateModels) -> None:
    columns, _ = table(models, [("me", track_id(n)) for n in (0, 2, 4)])
    for source in ("collaborative", "audio", "bridge"):
        score, relative = columns[f"{source}_score"], columns[f"{source}_relative"]
        expected = (score - np.nanmean(score)) / np.nanstd(score)
        np.testing.assert_allclose(relative, expected, rtol=1e-3, atol=1e-4)


def test_the_nearest_item_item_weights_are_the_mean_of_the_three_highest() -> None:
    models = fit(planted_log(), None)
    heard = [0, 2, 4, 6, 1]
    events = [("me", track_id(n)) for n in heard for _ in range(1 + 5 * (n == 4))]
    columns, items = table(models, events)
    assert models.item_item is not None
    confidence = 1.0 + models.confidence.alpha * np.log1p([1.0, 1.0, 6.0, 1.0, 1.0])
    weighed = (confidence / confidence.mean())[:, None] * np.asarray(models.item_item.weights)[
        heard
    ]
    highest = np.sort(weighed[:, items], axis=0)[-3:].mean(axis=0)
    highest[np.isnan(columns["item_item_score"])] = np.nan
    expected = (highest - np.nanmean(highest)) / np.nanstd(highest)
    np.testing.assert_allclose(columns["item_item_nearest"], expected, rtol=1e-3, atol=1e-4)


def test_where_only_neighbours_have_weights_the_nearest_are_not_looked_for() -> None:
    models = fit(planted_log(), None, dense_up_to=0)
    columns, _ = table(models, [("me", track_id(0)), ("me", track_id(2))])
    assert np.isnan(columns["item_item_nearest"]).all()
    assert not np.isnan(columns["item_item_score"]).all()


def test_artist_affinity_counts_plays_and_skips_of_the_candidates_artist(
    models: CandidateModels,
) -> None:
    columns, items = table(
        models,
        [
            ("me", track_id(0)),
            ("me", track_id(2)),
            ("me", track_id(12)),
            ("me", track_id(14), EventKind.SKIP),
        ],
    )
    same, skipped, other = items // 10 == 0, items // 10 == 1, items // 10 == 3
    assert columns["artist_plays"][same] == pytest.approx(2 / 3)
    assert columns["artist_plays"][skipped] == pytest.approx(1 / 3)
    assert (columns["artist_plays"][other] == 0).all()
    assert columns["artist_skips"][skipped] == pytest.approx(1 / 2)
    assert (columns["artist_skips"][same] == 0).all()
    assert np.isnan(columns["artist_skips"][other]).all()


def test_label_affinity_is_a_column_only_where_there_are_labels(models: CandidateModels) -> None:
    without, _ = table(models, [("me", track_id(0))])
    assert not any(name.startswith("label_") for name in without)
    labelled = fit(planted_log(), planted_embeddings(), catalogue=label_catalogue())
    columns, items = table(labelled, [("me", track_id(n)) for n in (0, 20, 4)])
    assert list(columns)[-1] == "label_plays"
    for label, expected in ((0, 2 / 3), (4, 1 / 3), (5, 0.0)):
        assert columns["label_plays"][items % 10 == label] == pytest.approx(expected)
    # Nothing else changes but what is counted over all sources.
    same = [name for name in without if name not in ("agreement", "fusion")]
    unlabelled, known = table(
        replace(labelled, settings=labelled.settings.model_copy(update={"leave_out": ("label",)})),
        [("me", track_id(n)) for n in (0, 20, 4)],
    )
    assert list(unlabelled) == list(without)
    rows = np.isin(items, known)
    for name in (name for name in same if not name.endswith("_relative")):
        np.testing.assert_array_equal(columns[name][rows], unlabelled[name])


def test_audio_nearest_is_the_mean_of_the_nearest_liked_tracks(models: CandidateModels) -> None:
    liked = [0, 2, 4, 6, 8]
    columns, items = table(models, [("me", track_id(n)) for n in liked])
    vectors = planted_embeddings()
    expected = np.sort(vectors[items] @ vectors[liked].T, axis=1)[:, -NEAREST:].mean(axis=1)
    np.testing.assert_allclose(columns["audio_nearest"], expected, rtol=1e-5)


def test_audio_recent_is_the_mean_of_the_tracks_that_were_liked_last(
    models: CandidateModels,
) -> None:
    heard = [0, 2, 4, 6, 8]
    rows = [("me", track_id(n), EventKind.PLAY, 1e6 - 100 * n) for n in heard]
    columns, items = table(models, rows)
    vectors = planted_embeddings()
    expected = (vectors[items] @ vectors[heard[:NEAREST]].T).mean(axis=1)
    np.testing.assert_allclose(columns["audio_recent"], expected, rtol=1e-5)


def test_album_affinity_knows_albums_of_one_title_by_their_artist() -> None:
    tracks = [
        Track(track_id(n), artist=f"artist {n // 10}", album="Greatest Hits" if n < 50 else None)
        for n in range(N_TRACKS)
    ]
    models = fit(planted_log(), None, catalogue=Catalogue.from_tracks(tracks))
    columns, items = table(models, [("me", track_id(n)) for n in (0, 2, 12)])
    for first, expected in ((0, 2 / 3), (10, 1 / 3), (20, 0.0)):
        assert columns["album_plays"][items // 10 == first // 10] == pytest.approx(expected)


def test_age_is_counted_from_anybodys_first_event() -> None:
    day = 86_400.0
    rows = [
        (f"u{user}", track_id(n), EventKind.PLAY, 1e9 + day * (30 * (n % 2) + user))
        for user in range(10)
        for n in range(40)
    ]
    log = make_log(rows, items=[track_id(n) for n in range(N_TRACKS)])
    models = fit(log, None)
    np.testing.assert_allclose(models.age[[0, 1]], [39, 9])
    assert np.isnan(models.age[40:]).all()


def test_listener_without_history_has_no_personal_features(models: CandidateModels) -> None:
    log = planted_log()
    history = Interactions.from_log(log.take(np.zeros(len(log), np.bool_))).history(0)
    listener = models.listener(history, history.item_index)
    candidates = models.candidates(listener)
    features = compute_features(models, listener, candidates)
    names = feature_names([source.name for source in models.sources])
    assert np.isnan(features[:, names.index("collaborative_score")]).all()
    assert np.isnan(features[:, names.index("audio_nearest")]).all()
    assert np.isfinite(features[:, names.index("popularity")]).all()


def test_no_candidates_have_no_features_but_their_columns(models: CandidateModels) -> None:
    history = Interactions.from_log(planted_log()).history(0)
    everything = np.arange(len(models.catalogue.items), dtype=np.int32)
    listener = models.listener(history, everything)
    candidates = models.candidates(listener)
    names = feature_names([source.name for source in models.sources])
    assert len(candidates) == 0
    assert compute_features(models, listener, candidates).shape == (0, len(names))


def test_what_the_listener_did_with_known_tracks_comes_after_what_it_is_of_new_ones(
    models: CandidateModels,
) -> None:
    day = 86_400.0
    rows = [
        ("me", track_id(0), EventKind.PLAY, 0.0),
        ("me", track_id(0), EventKind.LIKE, 1.0),
        ("me", track_id(2), EventKind.PLAY, 10 * day),
        ("me", track_id(2), EventKind.PLAY, 11 * day),
        ("me", track_id(4), EventKind.SKIP, 12 * day),
        ("me", track_id(4), EventKind.PLAY, 13 * day),
    ]
    history = Interactions.from_log(make_log(rows, items=list(models.catalogue.items))).history(0)
    listener = models.listener(history, history.item_index)
    sources = [source.name for source in models.sources]
    known = Candidates.unproposed(history.item_index, sources)
    features = compute_features(models, listener, known, known=True)
    names = feature_names(sources, known=True)
    assert names[: -len(OWN)] == feature_names(sources)
    columns = dict(zip(names, features.T, strict=True))
    assert columns["own_plays"] == pytest.approx(np.log1p([1, 2, 1]))
    assert columns["own_opinion"].tolist() == [1, 0, 0]
    assert columns["own_skips"].tolist() == [0, 0, 0.5]
    assert columns["own_last"] == pytest.approx(np.log1p([13 - 1 / day, 2, 0]), rel=1e-5)
    # Plays and like weigh the same; one of two plays less a skip is no reason to hear it again.
    assert columns["own_habit"].argmin() == 2
    alone = compute_features(models, listener, known)
    np.testing.assert_array_equal(features[:, : -len(OWN)], alone)
    part = compute_features(models, listener, known, np.array([2, 0]), known=True)
    np.testing.assert_array_equal(part, features[[2, 0]])
