import numpy as np
import pytest

from cf_model.confidence import pair_confidence, signed_confidence
from cf_model.config import ConfidenceSettings
from data.events import EventKind
from data.interactions import History, Interactions
from tests.logs import make_log

SETTINGS = ConfidenceSettings(alpha=2.0, like_plays=5.0, dislike_skips=5.0)


def history(plays: float, skips: float, opinion: float) -> History:
    return History(
        np.array([0], np.int32),
        np.array([plays], np.float32),
        np.array([skips], np.float32),
        np.array([opinion], np.float32),
        np.array([np.nan]),
    )


@pytest.mark.parametrize(
    ("plays", "skips", "opinion", "expected"),
    [
        (3.0, 0.0, 0.0, 1 + 2 * np.log(1 + 3)),
        (3.0, 1.0, 0.0, 1 + 2 * np.log(1 + 3)),
        (0.0, 2.0, 0.0, -(1 + 2 * np.log(1 + 2))),
        (1.0, 1.0, 0.0, -(1 + 2 * np.log(1 + 1))),
        (0.0, 0.0, 1.0, 1 + 2 * np.log(1 + 5)),
        (0.0, 9.0, 1.0, 1 + 2 * np.log(1 + 9)),
        (7.0, 0.0, -1.0, -(1 + 2 * np.log(1 + 7))),
        (0.0, 0.0, -1.0, -(1 + 2 * np.log(1 + 5))),
    ],
)
def test_confidence_follows_its_formula(
    plays: float, skips: float, opinion: float, expected: float
) -> None:
    assert signed_confidence(history(plays, skips, opinion), SETTINGS)[0] == pytest.approx(expected)


def test_confidence_is_never_zero() -> None:
    for plays in (0.0, 0.1, 1.0):
        for skips in (0.0, 1.0):
            for opinion in (-1.0, 0.0, 1.0):
                value = signed_confidence(history(plays, skips, opinion), SETTINGS)[0]
                assert abs(value) >= 1.0


def test_evidence_is_worth_half_after_each_half_life_before_the_listeners_latest_event() -> None:
    days = np.array([0.0, 30.0, 60.0, np.nan])
    ones = np.ones(4, np.float32)
    aged = History(np.arange(4, dtype=np.int32), 8 * ones, 0 * ones, 0 * ones, -days * 86_400.0)
    settings = SETTINGS.model_copy(update={"half_life_days": 30.0})
    expected = 1 + 2 * np.log(1 + np.array([8.0, 4.0, 2.0, 8.0]))
    np.testing.assert_allclose(signed_confidence(aged, settings), expected, rtol=1e-6)
    np.testing.assert_allclose(signed_confidence(aged, SETTINGS), expected[0], rtol=1e-6)


def test_in_a_log_each_listeners_evidence_ages_by_their_own_latest_event() -> None:
    day = 86_400.0
    rows = [("a", "x", 0.0), ("a", "y", 90 * day), ("b", "x", 5 * day), ("b", "z", 1e4 * day)]
    log = make_log([(user, track, EventKind.PLAY, at) for user, track, at in rows])
    interactions = Interactions.from_log(log)
    settings = SETTINGS.model_copy(update={"half_life_days": 90.0})
    together = pair_confidence(interactions, settings)
    apart = [signed_confidence(interactions.history(user), settings) for user in range(2)]
    np.testing.assert_array_equal(together, np.concatenate(apart))
    assert together[0] == pytest.approx(1 + 2 * np.log(1.5))
    assert together[2] == pytest.approx(1.0)
    np.testing.assert_array_equal(
        np.sign(together), np.sign(signed_confidence(interactions.pairs, SETTINGS))
    )
