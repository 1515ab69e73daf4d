"""The folder that holds everything of one catalogue."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from audio_model.shipped import SHIPPED_ENCODER
from data.errors import ParameterError
from data.store import Store
from data.store.keys import KeyStore
from recsys.config import ENV_HOME, Config, load_config
from recsys.files import read_pointer, write_pointer
from recsys.library import AudioLibrary

DEFAULT_HOME = Path("recsys-data")


@dataclass(frozen=True)
class Workspace:
    """Paths and settings of one catalogue.

    ::

        recsys.toml       settings (optional)
        recsys.db         tracks, listeners, events, audio vectors
        encoders/<id>/    trained encoders, and CURRENT
        library/          audio that came over HTTP
        models/<version>/ published bundles, and CURRENT
        evaluation.json   the latest report; evaluation.html holds it with plots
        tuning.db         what `recsys tune` has tried
        encoder-reports/  what `recsys encoder report` found, a folder an encoder
        splits/           official splits of data sets
        problems/         what imports and analyses left out
        cache/            spectrograms and checkpoints of training; may be deleted

    Parameters
    ----------
    home : Path
        The folder.
    config : Config
        Settings.
    """

    home: Path
    config: Config

    @classmethod
    def open(cls, home: Path | None = None) -> Workspace:
        """Workspace at `home`, else at ``$RECSYS_HOME``, else at ``./recsys-data``.

        Nothing is created before something is written.

        Raises
        ------
        ParameterError
            If there is a file in the folder's place, or its settings are not valid.
        """
        folder = home or Path(os.environ.get(ENV_HOME) or DEFAULT_HOME)
        folder = folder.absolute()
        if folder.exists() and not folder.is_dir():
            raise ParameterError(f"expected a folder for the workspace, {folder} is a file")
        return cls(folder, load_config(folder / "recsys.toml"))

    def open_store(self) -> Store:
        """The store, created when it does not exist."""
        return Store.open(self._store_url())

    def open_keys(self) -> KeyStore:
        """The API keys, which are kept beside the store."""
        return KeyStore.open(self._store_url())

    def _store_url(self) -> str:
        if self.config.store.url is not None:
            return self.config.store.url
        self.home.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{self.home / 'recsys.db'}"

    def open_library(self) -> AudioLibrary:
        """The audio files that the service may read."""
        return AudioLibrary(self.home / "library", [Path(r) for r in self.config.library.roots])

    @property
    def encoders(self) -> Path:
        """Folder of the trained encoders."""
        return self.home / "encoders"

    @property
    def models(self) -> Path:
        """Folder of the published bundles."""
        return self.home / "models"

    @property
    def cache(self) -> Path:
        """Folder of what can be computed again."""
        return self.home / "cache"

    @property
    def evaluation(self) -> Path:
        """File of the latest evaluation report."""
        return self.home / "evaluation.json"

    @property
    def tuning(self) -> Path:
        """File of the studies of `recsys tune`."""
        return self.home / "tuning.db"

    def encoder_report(self, encoder_id: str) -> Path:
        """Folder of the report on an encoder."""
        return self.home / "encoder-reports" / encoder_id

    def split(self, name: str) -> Path:
        """File that says which tracks of data set `name` are for training and which for tests."""
        return self.home / "splits" / f"{name}.csv"

    def problems(self, name: str) -> Path:
        """File that lists what step `name` left out."""
        return self.home / "problems" / f"{name}.csv"

    def encoder_dir(self) -> Path:
        """Folder of the current encoder: the latest trained here, else the one that is shipped."""
        current = read_pointer(self.encoders)
        return SHIPPED_ENCODER if current is None else self.encoders / current

    def use_encoder(self, encoder_id: str) -> None:
        """Make `encoder_id` the current encoder."""
        write_pointer(self.encoders, encoder_id)
