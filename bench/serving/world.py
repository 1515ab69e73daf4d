"""A generated world of any size: tracks in styles, listeners who each take to a few of them.

Sound follows style, plays follow style and a long-tailed popularity, and the newest twentieth of
the tracks has been heard by nobody. All parts of a model that can be learned from it are learned;
only the numbers of ALS iterations and of lists for the ranker are kept small, which changes what
the model says and not how long it takes to say it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio_model.encoder import EncoderCard
from audio_model.shipped import SHIPPED_ENCODER
from cf_model.config import ALSSettings
from data.arrays import Floats
from data.events import EventKind, EventLog
from data.ids import IdMap
from data.store import Store
from data.store.events import EventColumns
from data.tracks import Catalogue, Track
from ranker.config import RankerSettings
from ranker.features import feature_names
from ranker.hybrid import Hybrid
from ranker.ranking import train_ranker
from recsys.bundle import BundleFacts, write_bundle
from recsys.config import Config
from recsys.labelling import label_lists
from recsys.training import TrainingData, fit_sources
from recsys.versions import publish
from recsys.workspace import Workspace

DIMENSION = 128
NEW_SHARE = 0.05
STYLES_EACH = 3
LATER_SHARE = 0.1
"""Share of the log that the ranker's labels come from."""
_DAY = 86_400.0
_BEGAN = 1.7e9
_EVENTS_AT_ONCE = 200_000


@dataclass(frozen=True)
class Size:
    """How much of everything there is."""

    tracks: int = 100_000
    users: int = 50_000
    events: int = 5_000_000
    lists: int = 1_500


SMALL = Size(2_000, 600, 30_000, 200)
MILLION = Size(1_000_000, 20_000, 2_000_000, 300)


def track_id(number: int) -> str:
    """Id of a track: 16 letters and digits, like those of the importers."""
    return f"{number:016x}"


def user_id(number: int) -> str:
    """Id of a listener."""
    return f"listener-{number:06d}"


def make_tracks(size: Size) -> list[Track]:
    """Catalogue with ten tracks an artist, and lengths that rarely agree."""
    rng = np.random.default_rng(1)
    lengths = rng.uniform(90, 480, size.tracks)
    return [
        Track(
            track_id(n),
            title=f"Title {n}",
            artist=f"Artist {n // 10}",
            album=f"Album {n // 10}",
            genre=f"Style {n % styles(size)}",
            year=1960 + n % 66,
            duration=round(float(lengths[n]), 2),
        )
        for n in range(size.tracks)
    ]


def styles(size: Size) -> int:
    """Number of styles: about 200 tracks each."""
    return max(8, size.tracks // 200)


def make_vectors(size: Size) -> Floats:
    """Unit vectors [shape=(n_tracks, DIMENSION)] near their style's."""
    rng = np.random.default_rng(2)
    centres = rng.normal(size=(styles(size), DIMENSION)).astype(np.float32)
    rows = np.empty((size.tracks, DIMENSION), np.float32)
    for start in range(0, size.tracks, 100_000):
        stop = min(start + 100_000, size.tracks)
        style = np.arange(start, stop) % styles(size)
        noise = rng.standard_normal((stop - start, DIMENSION), np.float32)
        rows[start:stop] = centres[style] + 1.0 + noise  # 1.0: what all sound shares
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def make_log(size: Size, items: IdMap) -> EventLog:
    """Plays, of which some were broken off, skips and likes of a year, ordered by time."""
    rng = np.random.default_rng(3)
    n, n_styles = size.events, styles(size)
    heard = int(size.tracks * (1 - NEW_SHARE))
    # Half of what listeners do comes from the most active fifth of them.
    activity = rng.pareto(1.5, size.users) + 0.3
    user = rng.choice(size.users, n, p=activity / activity.sum()).astype(np.int32)
    own = rng.integers(0, n_styles, (size.users, STYLES_EACH))
    style = own[user, rng.integers(0, STYLES_EACH, n)]
    elsewhere = rng.random(n) < 0.2
    style[elsewhere] = rng.integers(0, n_styles, int(elsewhere.sum()))
    each = heard // n_styles
    place = np.minimum((each * rng.random(n) ** 3).astype(np.int64), each - 1)  # long-tailed
    kind = rng.choice(
        np.array([EventKind.PLAY.code, EventKind.SKIP.code, EventKind.LIKE.code], np.int8),
        n,
        p=(0.85, 0.1, 0.05),
    )
    ratio = np.where(kind == EventKind.PLAY.code, rng.beta(4, 1, n), np.nan).astype(np.float32)
    return EventLog(
        users=IdMap([user_id(u) for u in range(size.users)]),
        items=items,
        user_index=user,
        item_index=(place * n_styles + style).astype(np.int32),
        timestamp=np.sort(_BEGAN + rng.uniform(0, 365 * _DAY, n)),
        kind=kind,
        play_ratio=ratio,
        plays=np.ones(n, np.float32),
    )


def fill(store: Store, tracks: list[Track], log: EventLog) -> None:
    """Put catalogue and log into `store`."""
    store.upsert_tracks(tracks)
    for start in range(0, len(log), _EVENTS_AT_ONCE):
        rows = slice(start, min(start + _EVENTS_AT_ONCE, len(log)))
        n = rows.stop - rows.start
        store.add_event_columns(
            EventColumns(
                event_id=[f"e{start + row:012d}" for row in range(n)],
                user_id=[user_id(int(u)) for u in log.user_index[rows]],
                track_id=[track_id(int(t)) for t in log.item_index[rows]],
                kind=log.kind[rows].astype(np.int64),
                timestamp=log.timestamp[rows],
                play_ratio=log.play_ratio[rows].astype(np.float64),
                plays=np.ones(n, np.int64),
            )
        )


def fit(tracks: list[Track], log: EventLog, size: Size) -> Hybrid:
    """Sources of all but the newest part of the log, and a ranker that learned from that."""
    data = TrainingData(Catalogue.from_tracks(tracks), log, make_vectors(size))
    config = Config(als=ALSSettings(iterations=3), ranker=RankerSettings())
    cut = float(np.quantile(log.timestamp, 1 - LATER_SHARE))
    past = log.before(cut)
    models = fit_sources(data, past, config)
    heard = np.isin(np.arange(models.n_items), log.item_index)
    lists = label_lists(models, past, log.since(cut), heard, config, size.lists)
    names = feature_names([source.name for source in models.sources])
    return Hybrid(models, train_ranker(lists, names, config.ranker))


def build(home: Path, size: Size) -> dict[str, float]:
    """Workspace in the new folder `home`; returns the seconds that its parts took."""
    seconds: dict[str, float] = {}
    began = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal began
        seconds[name], began = round(time.perf_counter() - began, 1), time.perf_counter()

    workspace = Workspace.open(home)
    tracks = make_tracks(size)
    items = Catalogue.from_tracks(tracks).items
    log = make_log(size, items)
    lap("generate")
    with workspace.open_store() as store:
        fill(store, tracks, log)
    lap("store")
    train(workspace, tracks, log, size)
    lap("train")
    return seconds


def train(workspace: Workspace, tracks: list[Track], log: EventLog, size: Size) -> str:
    """Publish a model of the world; returns its version."""
    hybrid = fit(tracks, log, size)
    encoder_id = EncoderCard.read(SHIPPED_ENCODER).encoder_id
    facts = BundleFacts(
        size.users, size.events, float(log.timestamp[-1]), encoder_id, SHIPPED_ENCODER
    )
    views = {"pca": np.asarray(hybrid.models.embeddings)[:, :2]}  # any plane does
    return publish(
        workspace.models,
        lambda folder, version: write_bundle(folder, version, hybrid, facts, views),
    )
