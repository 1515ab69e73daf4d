import numpy as np
import pytest

from cf_model.confidence import signed_confidence
from cf_model.config import ConfidenceSettings
from data.interactions import History

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
