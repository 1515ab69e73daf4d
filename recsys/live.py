"""The current bundle of a running service, replaced when a new one is published."""

from __future__ import annotations

import threading
import time

import structlog

from data.errors import ArtefactError, RecsysError
from data.store import Store
from recsys.bundle import open_bundle, probe_bundle
from recsys.recommender import Recommender
from recsys.versions import current_version, versions
from recsys.workspace import Workspace

CHECK_EVERY = 1.0
"""Seconds between two looks at which version is current."""

_log = structlog.get_logger(__name__)


class LiveRecommender:
    """Hands out a recommender over the current bundle.

    A request works with the one it got to its end, so no answer mixes versions. A bundle that is
    refused is tried once; the last good one goes on serving. At the start, when nothing is being
    served yet, the newest earlier version that works takes the place of a damaged one.

    Parameters
    ----------
    workspace : Workspace
        Where bundles are published.
    store : Store
        Histories and tags.
    """

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self._workspace = workspace
        self._store = store
        self._lock = threading.Lock()
        self._serving: Recommender | None = None
        self._seen: str | None = None
        self._looked_at = float("-inf")

    def current(self) -> Recommender:
        """The recommender to use for one request.

        Raises
        ------
        NotReadyError
            If nothing has been published.
        ArtefactError
            If no published version can be opened.
        """
        serving = self._serving
        if serving is not None and time.monotonic() - self._looked_at < CHECK_EVERY:
            return serving
        # Whoever comes while a new bundle is being opened is served from the old one.
        if not self._lock.acquire(blocking=serving is None):
            assert serving is not None
            return serving
        try:
            return self._refresh()
        finally:
            self._lock.release()

    def _refresh(self) -> Recommender:
        wanted = current_version(self._workspace.models)
        if self._serving is None or wanted != self._seen:
            try:
                self._serving = self._open(wanted)
            except RecsysError as error:
                _log.error("bundle refused", version=wanted, reason=str(error))
                if self._serving is None:
                    self._serving = self._newest_before(wanted, error)
            self._seen = wanted
        self._looked_at = time.monotonic()
        return self._serving

    def _open(self, version: str) -> Recommender:
        folder = self._workspace.models / version
        probe_bundle(folder)
        return Recommender(open_bundle(folder), self._store, self._workspace.config.rerank)

    def _newest_before(self, version: str, refusal: RecsysError) -> Recommender:
        models = self._workspace.models
        for earlier in reversed([v for v in versions(models) if v < version]):
            try:
                return self._open(earlier)
            except ArtefactError as error:
                _log.error("bundle refused", version=earlier, reason=str(error))
        raise refusal
