"""The current bundle of a running service, replaced when a new one is published."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from data.errors import ArtefactError, NotReadyError, RecsysError
from data.store import Store
from recsys.bundle import open_bundle, probe_bundle
from recsys.manifest import Manifest
from recsys.probe import rank_once
from recsys.recommender import Recommender
from recsys.versions import current_version, versions
from recsys.workspace import Workspace

CHECK_EVERY = 1.0
"""Seconds between two looks at which version is current."""
RETRY_EVERY = 10.0
"""Seconds between two tries while no version at all can be served."""

_WARM_LENGTH = 20
_log = structlog.get_logger(__name__)


class LiveRecommender:
    """Hands out a recommender over the current bundle.

    A request works with the one it got to its end, so no answer mixes versions. A new bundle is
    opened and answers once before it takes requests; the old one is released when the last of its
    requests ends. A bundle that is refused is tried once; the last good one goes on serving. At the
    start, when nothing is being served yet, the newest earlier version that works takes the place
    of a damaged one.

    Parameters
    ----------
    workspace : Workspace
        Where bundles are published.
    store : Store
        Histories and tags.
    prove : Callable[[Path], None]
        Raises an `ArtefactError` for a bundle that must not be opened.
    serving : Callable[[Manifest], None], optional
        Told of each bundle that is about to take requests.
    """

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        *,
        prove: Callable[[Path], None] = probe_bundle,
        serving: Callable[[Manifest], None] | None = None,
    ) -> None:
        self._workspace = workspace
        self._store = store
        self._prove = prove
        self._tell = serving
        self._lock = threading.Lock()
        self._serving: Recommender | None = None
        self._seen: str | None = None
        self._looked_at = float("-inf")
        self._ended: threading.Event | None = None

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
        followed = self._ended is not None
        if serving is not None and (followed or time.monotonic() - self._looked_at < CHECK_EVERY):
            return serving
        # Whoever comes while a new bundle is being opened is served from the old one.
        if not self._lock.acquire(blocking=serving is None):
            assert serving is not None
            return serving
        try:
            return self._refresh()
        finally:
            self._lock.release()

    def follow(self) -> None:
        """Look for new versions in a thread from now on, so that no request waits for one."""
        if self._ended is None:
            self._ended = threading.Event()
            threading.Thread(target=self._watch, args=(self._ended,), daemon=True).start()

    def stop(self) -> None:
        """End the thread of `follow`."""
        if self._ended is not None:
            self._ended.set()

    def _watch(self, ended: threading.Event) -> None:
        refused = ""
        while True:
            try:
                with self._lock:
                    self._refresh()
                refused = ""
            except NotReadyError:
                refused = ""  # nothing was published yet
            except RecsysError as error:
                if str(error) != refused:
                    refused = str(error)
                    _log.error("no bundle can be served", reason=refused)
            if ended.wait(RETRY_EVERY if refused else CHECK_EVERY):
                return

    def _refresh(self) -> Recommender:
        wanted = current_version(self._workspace.models)
        serving = self._serving
        if serving is None or wanted != self._seen:
            try:
                serving = self._open(wanted)
            except RecsysError as error:
                _log.error("bundle refused", version=wanted, reason=str(error))
                if serving is None:
                    serving = self._newest_before(wanted, error)
            self._seen = wanted
        if serving is not self._serving:
            self._swap(serving)
        self._looked_at = time.monotonic()
        return serving

    def _swap(self, recommender: Recommender) -> None:
        if self._tell is not None:
            self._tell(recommender.bundle.manifest)
        old, self._serving = self._serving, recommender
        _log.info("bundle served", version=recommender.version)
        # Cycles would keep the old one's files mapped until a collection that may never come. What
        # is left stays as long as this bundle does: no request has to wait for a collection, some
        # 70 ms, to go through it again.
        del old
        gc.unfreeze()
        gc.collect()
        gc.freeze()

    def _open(self, version: str) -> Recommender:
        folder = self._workspace.models / version
        self._prove(folder)
        config = self._workspace.config
        recommender = Recommender(open_bundle(folder), self._store, config.rerank, config.lists)
        # What is built on first use is built here, not in somebody's request.
        rank_once(recommender.bundle.hybrid)
        recommender.recommend("", _WARM_LENGTH)
        return recommender

    def _newest_before(self, version: str, refusal: RecsysError) -> Recommender:
        models = self._workspace.models
        for earlier in reversed([v for v in versions(models) if v < version]):
            try:
                return self._open(earlier)
            except ArtefactError as error:
                _log.error("bundle refused", version=earlier, reason=str(error))
        raise refusal
