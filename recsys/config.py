"""Settings of the whole application, composed of the parts' own.

Read from ``recsys.toml`` in the workspace, overridden by ``RECSYS_<SECTION>__<KEY>`` in the
environment. A key that does not exist is refused in both.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from audio_model.decode import DecodeLimits
from cf_model.config import (
    ALSSettings,
    BridgeSettings,
    CarrySettings,
    ConfidenceSettings,
    ItemItemSettings,
)
from data.errors import ParameterError
from data.settings import Settings
from ranker.config import CandidateSettings, RankerSettings, RerankSettings
from recsys.lists import ListSettings

ENV_PREFIX = "RECSYS_"
ENV_HOME = "RECSYS_HOME"


class StoreSettings(Settings):
    """Where tracks, listeners and events live."""

    url: str | None = Field(
        None, description="SQLAlchemy URL; unset = recsys.db (SQLite) in the workspace"
    )


class EncoderSettings(Settings):
    """Training of the audio encoder."""

    recipe: str = Field("default", description="recipe that `recsys encoder train` uses")
    steps: int | None = Field(None, ge=1, description="training steps; unset = the recipe's")


class AnalysisSettings(Settings):
    """Decoding and encoding of audio files in child processes."""

    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, description="child processes"
    )
    max_seconds: float = Field(4 * 3600.0, gt=0, description="longest track, seconds")
    memory_mb: int = Field(
        2048, ge=512, description="memory a child may add to what it starts with, MiB"
    )
    cpu_seconds: int = Field(300, ge=1, description="processor time for one file")
    timeout_seconds: float = Field(600.0, gt=0, description="time for one file")

    @property
    def limits(self) -> DecodeLimits:
        """The limits as the pool takes them."""
        return DecodeLimits(
            max_seconds=self.max_seconds,
            memory_mb=self.memory_mb,
            cpu_seconds=self.cpu_seconds,
            timeout_seconds=self.timeout_seconds,
        )


class MapSettings(Settings):
    """The map of the catalogue, computed at training."""

    tsne_tracks: int = Field(
        100_000, ge=0, description="tracks up to which t-SNE is computed beside PCA"
    )


class LibrarySettings(Settings):
    """Audio files that the service reads."""

    roots: tuple[str, ...] = Field(
        (), description="folders below which a client may name files, and files are streamed"
    )
    stream: bool = Field(True, description="whether audio is sent to players")


class ServeSettings(Settings):
    """The HTTP service."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port; 0 = any free one")
    workers: int = Field(1, ge=1, description="server processes")
    threads: int = Field(
        8, ge=1, description="requests each process works on at once; more than uploads can hold"
    )
    queue: int = Field(32, ge=0, description="requests that may wait in each process")
    queue_seconds: float = Field(2.0, gt=0, description="longest wait of a request for its turn")
    drain_seconds: float = Field(
        1.0, ge=0, description="time between being not ready and taking no more connections"
    )
    auth: Literal["auto", "keys", "off"] = Field("auto", description="who may ask")
    requests_a_minute: int = Field(
        6000, ge=1, le=1_000_000, description="limit of a key that has none of its own"
    )
    cors_origins: tuple[str, ...] = Field(
        (), description="origins of other web pages that may use the service"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least weight of a line of the log"
    )
    max_upload_mb: int = Field(50, ge=1, description="largest upload, MiB")
    decode_workers: int = Field(1, ge=1, description="decoding children of each process")
    upload_queue: int = Field(4, ge=1, description="uploads that may wait in each process")


class Config(BaseSettings):
    """All settings."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENV_PREFIX, env_nested_delimiter="__"
    )

    seed: int = Field(0, ge=0, description="seed of everything random")
    store: StoreSettings = StoreSettings()
    encoder: EncoderSettings = EncoderSettings()
    analysis: AnalysisSettings = Field(default_factory=AnalysisSettings)
    confidence: ConfidenceSettings = ConfidenceSettings()
    als: ALSSettings = ALSSettings()
    item_item: ItemItemSettings = ItemItemSettings()
    bridge: BridgeSettings = BridgeSettings()
    carry: CarrySettings = CarrySettings()
    candidates: CandidateSettings = CandidateSettings()
    ranker: RankerSettings = RankerSettings()
    rerank: RerankSettings = RerankSettings()
    lists: ListSettings = ListSettings()
    map: MapSettings = MapSettings()
    library: LibrarySettings = LibrarySettings()
    serve: ServeSettings = ServeSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file (the file's keys come as init arguments)."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def load_config(file: Path | None = None) -> Config:
    """Settings from `file` (when it exists) and the environment.

    Raises
    ------
    ParameterError
        If the file is not TOML, a key does not exist, or a value is out of range.
    """
    values: dict[str, Any] = {}
    if file is not None and file.exists():
        try:
            values = tomllib.loads(file.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ParameterError(f"{file} is not a TOML file: {error}") from error
    _refuse_unknown_variables()
    try:
        return Config(**values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors()
        )
        where = f"{file} or the environment" if values else "the environment"
        raise ParameterError(
            f"settings in {where} are not valid: {problems}; docs/configuration.md lists the keys"
        ) from error


def _refuse_unknown_variables() -> None:
    """Pydantic ignores variables it has no field for; a typo must not pass in silence."""
    known = set(Config.model_fields)
    for name in os.environ:
        if not name.startswith(ENV_PREFIX) or name == ENV_HOME:
            continue
        section = name.removeprefix(ENV_PREFIX).split("__")[0].lower()
        if section not in known:
            raise ParameterError(
                f"environment variable {name}: there is no setting {section!r}; "
                f"sections are {', '.join(sorted(known))}"
            )
