"""The whole application over the larger planted world: store, model, files, sounds, no decoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from apiflask import APIFlask

from api.app import build_app
from api.auth import Guard
from api.decoding import UploadDecoder
from api.services import Services
from data.access import Scope
from data.errors import AudioError
from data.store import Store
from recsys.access import Access
from recsys.bundle import BundleFacts, write_bundle
from recsys.live import LiveRecommender
from recsys.versions import publish
from recsys.workspace import Workspace
from tests.api.kept import MAX_UPLOAD_BYTES, SETTINGS, tone
from tests.recsys import bigger


@dataclass(frozen=True)
class HeardSound:
    """What a child process makes of a file."""

    vector: np.ndarray
    duration: float
    picture: np.ndarray


class QuickPool:
    """Stands for the children that decode: a file that ends in its middle is refused."""

    def __init__(self, encoder_dir: Path) -> None:
        self._vector = bigger.vectors()[0]

    def analyse(self, path: Path, timeout: float | None = None) -> HeardSound:
        if path.stat().st_size < 200:
            raise AudioError("the audio stops before 0.5 seconds")
        return HeardSound(self._vector, 1.0, np.zeros((8, 16), np.uint8))

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Whole:
    """The application, and what is behind it."""

    workspace: Workspace
    store: Store
    app: APIFlask
    key: str


def whole(folder: Path) -> Whole:
    """Application over a workspace in `folder` with two model versions and a file of audio."""
    home, music = folder / "home", folder / "music"
    home.mkdir()
    music.mkdir()
    settings = SETTINGS.format(roots=music, stream="true")
    (home / "recsys.toml").write_text(settings, "utf-8")
    workspace = Workspace.open(home)
    store = workspace.open_store()
    bigger.fill(store)
    (music / "tone.wav").write_bytes(tone())
    hybrid = bigger.bundle(folder).hybrid
    encoder = folder / "encoder"
    encoder.mkdir()
    facts = BundleFacts(90, 1800, 1e6, encoder_id=bigger.ENCODER, encoder_dir=encoder)
    views = {"pca": bigger.vectors()[:, :2]}
    for _ in range(2):
        publish(
            workspace.models, lambda to, version: write_bundle(to, version, hybrid, facts, views)
        )
    keys = workspace.open_keys()
    _, key = keys.create("tests", [Scope.ADMIN], requests_a_minute=1_000_000)
    services = Services(
        store,
        LiveRecommender(workspace, store),
        UploadDecoder(QuickPool, 4),
        MAX_UPLOAD_BYTES,
        workspace=workspace,
        guard=Guard(keys, Access.KEYS),
    )
    return Whole(workspace, store, build_app(services), key)
