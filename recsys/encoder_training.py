"""Train an encoder on the library, and keep it only if it is the better one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from audio_model.encoder import WEIGHTS_FILE, EncoderCard
from audio_model.recipes import recipe_named
from audio_model.validation import Probe, probe_encoder
from data.errors import NotReadyError
from data.store import Store
from recsys.workspace import Workspace

if TYPE_CHECKING:
    from audio_model.fitting import TrainProgress


@dataclass(frozen=True)
class EncoderTraining:
    """What a training came to.

    Parameters
    ----------
    trained, before : str
        Ids of the new encoder and of the one that was current.
    started_from : str or None
        Id of the encoder whose training went on; None = from scratch.
    probe, probe_before : Probe or None
        Both on the same held-out tracks; None where the library has too few.
    taken : bool
        Whether the new one is current now.
    """

    trained: str
    before: str
    started_from: str | None
    probe: Probe | None
    probe_before: Probe | None
    taken: bool


def train_on_library(
    workspace: Workspace,
    store: Store,
    *,
    recipe: str | None = None,
    steps: int | None = None,
    from_scratch: bool = False,
    force: bool = False,
    on_progress: Callable[[TrainProgress], None] | None = None,
) -> EncoderTraining:
    """Train on every track with audio; the new encoder becomes current if it is the better one.

    Training goes on from the current encoder where that is of the same recipe and has kept its
    weights. Both are judged on tracks of artists that this training has not heard.

    Parameters
    ----------
    recipe, steps : optional
        In place of the settings'.
    from_scratch : bool
        Start with new weights in any case.
    force : bool
        Make the new encoder current even if it is not better, or cannot be judged.
    on_progress : callable, optional
        Told after each file and each step.

    Raises
    ------
    NotReadyError
        If the library has no audio.
    DataError
        If fewer than 2 files can be analysed.
    """
    from audio_model.train import train_encoder

    artists = {
        Path(track.path): (track.artist or "").strip().casefold()
        for track in store.tracks()
        if track.path is not None
    }
    if not artists:
        raise NotReadyError(
            "the library has no audio to train on: run `recsys library add FOLDER` first"
        )
    config = workspace.config
    chosen = recipe_named(recipe or config.encoder.recipe)
    before = workspace.encoder_dir()
    card = EncoderCard.read(before)
    go_on = card.recipe == chosen.name and (before / WEIGHTS_FILE).exists() and not from_scratch
    folder = train_encoder(
        list(artists),
        chosen,
        out=workspace.encoders,
        cache=workspace.cache,
        seed=config.seed,
        steps=steps or config.encoder.steps,
        workers=config.analysis.workers,
        groups=artists,
        start=before if go_on else None,
        on_progress=on_progress,
    )

    def judged(encoder: Path) -> Probe | None:
        return probe_encoder(
            encoder,
            list(artists),
            artists,
            share=chosen.validation_share,
            seed=config.seed,
            cache=workspace.cache,
            workers=config.analysis.workers,
        )

    probe, probe_before = judged(folder), judged(before)
    better = probe is not None and probe_before is not None and probe.score > probe_before.score
    if better or force:
        workspace.use_encoder(folder.name)
    return EncoderTraining(
        trained=folder.name,
        before=card.encoder_id,
        started_from=card.encoder_id if go_on else None,
        probe=probe,
        probe_before=probe_before,
        taken=better or force,
    )
