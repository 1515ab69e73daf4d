"""What request handlers work with, one set per process."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from flask import Flask, current_app

from api.auth import Guard
from api.decoding import UploadDecoder
from api.metrics import Metrics
from data.errors import NotReadyError
from data.search import TrackSearch
from data.store import Store
from recsys.config import ServeSettings
from recsys.library import AudioLibrary
from recsys.live import LiveRecommender
from recsys.recommender import Recommender
from recsys.sounds import SentSounds
from recsys.workspace import Workspace

_KEY = "recsys"


@dataclass(frozen=True)
class Services:
    """The store, the published model and the upload decoder of one process.

    Parameters
    ----------
    store : Store
        Tracks and events.
    live : LiveRecommender
        The published bundle, followed as it changes.
    decoder : UploadDecoder
        Turns uploaded audio into vectors.
    max_upload_bytes : int
        Largest audio file that is accepted.
    metrics : Metrics
        Counters and timings.
    workspace : Workspace, optional
        Folder and settings; without it nothing is kept in files, nor read from them.
    guard : Guard
        Who may ask.
    """

    store: Store
    live: LiveRecommender
    decoder: UploadDecoder
    max_upload_bytes: int
    metrics: Metrics = field(default_factory=Metrics)
    workspace: Workspace | None = None
    guard: Guard = field(default_factory=Guard)

    def recommender(self) -> Recommender:
        """Recommender of the published bundle.

        Hold on to it for the whole request: the next call may give that of another bundle.

        Raises
        ------
        NotReadyError
            If nothing has been published.
        """
        return self.live.current()

    @property
    def settings(self) -> ServeSettings:
        """Settings of the service, the defaults without a workspace."""
        return ServeSettings() if self.workspace is None else self.workspace.config.serve

    def require_workspace(self) -> Workspace:
        """The workspace, for what cannot do without files.

        Raises
        ------
        NotReadyError
            If the service has none.
        """
        if self.workspace is None:
            raise NotReadyError("this service has no workspace: start it with `recsys serve`")
        return self.workspace

    @cached_property
    def library(self) -> AudioLibrary:
        """Audio files that may be read."""
        return self.require_workspace().open_library()

    @cached_property
    def search(self) -> TrackSearch:
        """Search over the catalogue, which keeps up with the store."""
        return TrackSearch(self.store)

    @cached_property
    def sounds(self) -> SentSounds | None:
        """Vectors of uploads, kept for an hour for all processes; None without a workspace."""
        return None if self.workspace is None else SentSounds(self.workspace.cache / "sounds")

    def attach(self, app: Flask) -> None:
        """Make these the services of `app`."""
        app.extensions[_KEY] = self


def services() -> Services:
    """Services of the app that handles the current request."""
    attached: Services = current_app.extensions[_KEY]
    return attached
