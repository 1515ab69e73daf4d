"""Control: the encoder's own network with its initial weights. Loads TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from audio_model.cache import cache_spectrograms
from audio_model.encoder import Encoder, EncoderCard
from audio_model.files import new_folder
from audio_model.recipes import recipe_named
from audio_model.train import untrained_encoder
from data.arrays import Floats
from data.errors import AudioError
from data.tracks import Track
from recsys.encoder_report.controls import Watch


@dataclass(frozen=True)
class UntrainedControl:
    """What the architecture and the spectrogram alone are worth.

    Parameters
    ----------
    card : EncoderCard
        The encoder to compare with; its recipe and front end are taken.
    cache : Path
        Folder for decoded spectrograms, shared with training.
    workers : int
        Child processes that decode.
    seed : int
        Seed of the weights.
    """

    card: EncoderCard
    cache: Path
    workers: int
    seed: int

    def __call__(self, tracks: Sequence[Track], watch: Watch) -> dict[str, Floats]:
        """Vectors of `tracks`.

        Raises
        ------
        ParameterError
            If this build has no recipe of the encoder's name.
        """
        recipe = replace(
            recipe_named(self.card.recipe),
            frontend=self.card.frontend,
            embedding_dim=self.card.dimension,
        )
        with watch("decoding") as advance:
            cached = cache_spectrograms(
                [Path(track.path) for track in tracks if track.path is not None],
                self.card.frontend,
                self.cache / "spectrograms",
                workers=self.workers,
                on_progress=advance,
            )
        of_path: dict[Path, Floats] = {}
        with new_folder(self.cache) as folder, watch("untrained network") as advance:
            encoder = Encoder.load(untrained_encoder(recipe, folder, self.seed))
            for row, path in enumerate(cached.paths):
                try:
                    of_path[path] = encoder.track_vector(cached.chunks(row).astype(np.float32))
                except AudioError:
                    continue  # vectors that cancel out: a track without a direction
                advance(row + 1, len(cached.paths))
        return {
            track.track_id: of_path[Path(track.path)]
            for track in tracks
            if track.path is not None and Path(track.path) in of_path
        }
