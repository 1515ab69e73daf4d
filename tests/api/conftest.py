"""A small catalogue in memory with the interface of the real store and recommender."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from api.app import build_app
from api.decoding import UploadDecoder
from api.services import Services
from data.errors import AudioError, UnknownTrackError
from data.events import Event, EventKind
from data.store.events import EventCounts
from data.tracks import Track
from ranker.config import RerankSettings
from recsys.recommender import Recommendation, RecommendationList

FLAC = b"fLaC" + bytes(200)
WAV = b"RIFF\x24\0\0\0WAVEfmt " + bytes(200)
MP3 = b"\xff\xfb\x90\x64" + bytes(200)
MAX_UPLOAD_BYTES = 2**20
CAPACITY = 2

_NAMES = [
    ("Harbour Lights", "Mira Okafor", "Tides"),
    ("Slow Meridian", "The Paper Kites Club", "Atlas of Small Hours"),
    ("Glasswork", "Jon Aldous", "Kiln"),
    ("Nightjar", "Mira Okafor", "Tides"),
    ("Ferrous", "Low Orbit", "Ore"),
    ("An Evening Made of Salt and Other Long Titles", "Hanneke & the Dunes", "Wadden"),
    ("Copper Rain", "Low Orbit", "Ore"),
    ("Kingfisher", "Jon Aldous", "Kiln"),
]


class NoAnalyses:
    """Queue in which nothing ever was."""

    def status(self, track_id: str) -> None:
        return None


@dataclass
class FakeStore:
    """Store in memory."""

    by_id: dict[str, Track]
    events: dict[str, Event] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    analyses: NoAnalyses = field(default_factory=NoAnalyses)

    def has_vector(self, track_id: str) -> bool:
        return track_id in self.by_id

    def tracks(self, track_ids: Sequence[str], *, withdrawn: bool = False) -> list[Track]:
        hidden = set() if withdrawn else self.withdrawn
        return [self.by_id[t] for t in track_ids if t in self.by_id and t not in hidden]

    def track(self, track_id: str) -> Track:
        found = self.tracks([track_id])
        if not found:
            raise UnknownTrackError(track_id)
        return found[0]

    def add_events(self, given: Sequence[Event]) -> EventCounts:
        before = len(self.events)
        for event in given:
            self.events.setdefault(event.event_id, event)
        added = len(self.events) - before
        return EventCounts(added=added, duplicates=len(given) - added)

    def n_tracks(self) -> int:
        return len(self.by_id) - len(self.withdrawn)

    def n_users(self) -> int:
        return len({event.user_id for event in self.events.values()})

    def n_events(self) -> int:
        return len(self.events)


@dataclass
class FakeRecommender:
    """Lists the catalogue in its order; what a listener skipped or disliked is left out."""

    store: FakeStore
    version: str = "20260101T000000Z-1"
    encoder_id: str = "first"
    encoder_dir: Path = Path("encoder-1")
    dials: RerankSettings = field(default_factory=lambda: RerankSettings(diversity=0.25))
    asked: list[RerankSettings | None] = field(default_factory=list)

    def recommend(
        self,
        user_id: str,
        n: int = 20,
        *,
        offset: int = 0,
        exclude_listened: bool | None = None,
        dials: RerankSettings | None = None,
        **_: object,
    ) -> RecommendationList:
        self.asked.append(dials)
        mine = [event for event in self.store.events.values() if event.user_id == user_id]
        refused = {e.track_id for e in mine if e.kind in (EventKind.SKIP, EventKind.DISLIKE)}
        if exclude_listened is not False:
            refused |= {event.track_id for event in mine if event.kind is EventKind.PLAY}
        kept = [track for track in self.store.by_id if track not in refused][offset : offset + n]
        items = tuple(
            Recommendation(
                track, 3.0 - 0.7 * rank, ("collaborative", "audio"), "fits your evenings"
            )
            for rank, track in enumerate(kept)
        )
        return RecommendationList(items, self.version, fallback=not mine)

    def similar(self, track_id: str, n: int = 20, **_: object) -> RecommendationList:
        self.store.track(track_id)
        return self._alike([track for track in self.store.by_id if track != track_id][:n])

    def similar_to_vector(self, vector: np.ndarray, n: int = 20) -> RecommendationList:
        assert vector.shape == (4,)
        return self._alike(list(self.store.by_id)[:n])

    def _alike(self, tracks: list[str]) -> RecommendationList:
        items = tuple(
            Recommendation(track, 0.97 - 0.09 * rank, ("audio",), "sounds alike")
            for rank, track in enumerate(tracks)
        )
        return RecommendationList(items, self.version)


@dataclass
class FakeLive:
    """Hands out one recommender, or the error that is planted."""

    recommender: FakeRecommender
    error: Exception | None = None

    def current(self) -> FakeRecommender:
        if self.error is not None:
            raise self.error
        return self.recommender


@dataclass
class FakeAnalysis:
    vector: np.ndarray
    duration: float
    picture: np.ndarray = field(default_factory=lambda: np.zeros((8, 16), np.uint8))


@dataclass
class FakePool:
    """Pool that looks at the file instead of decoding it, and remembers what it saw."""

    encoder_dir: Path
    seen: list[tuple[Path, int, int, bytes]] = field(default_factory=list)
    closed: bool = False

    def analyse(self, path: Path, timeout: float | None = None) -> FakeAnalysis:
        content = path.read_bytes()
        self.seen.append(
            (path, path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777, content)
        )
        if b"broken" in content:
            raise AudioError("the audio stops before 0.5 seconds")
        return FakeAnalysis(np.ones(4, np.float32) / 2, 183.4)

    def close(self) -> None:
        self.closed = True


@dataclass
class World:
    """The fakes behind one app."""

    store: FakeStore
    live: FakeLive
    pools: list[FakePool]
    services: Services


def make_world() -> World:
    tracks = [
        Track(f"track {n}", f"/music/{n}.mp3", title, artist, album, duration=171.0 + 13 * n)
        for n, (title, artist, album) in enumerate(_NAMES)
    ]
    tracks.append(Track("AC/DC%2F€"))
    store = FakeStore({track.track_id: track for track in tracks})
    store.events["e0"] = Event("e0", "ada", "track 0", EventKind.PLAY, 1e9)
    live = FakeLive(FakeRecommender(store))
    pools: list[FakePool] = []

    def make_pool(encoder_dir: Path) -> FakePool:
        pools.append(FakePool(encoder_dir))
        return pools[-1]

    services = Services(store, live, UploadDecoder(make_pool, CAPACITY), MAX_UPLOAD_BYTES)
    return World(store, live, pools, services)


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def app(world: World) -> APIFlask:
    return build_app(world.services)


@pytest.fixture
def client(app: APIFlask) -> Iterator[FlaskClient]:
    with app.test_client() as client:
        yield client
