"""What a recipe decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from audio_model.frontend import FrontEnd


@dataclass(frozen=True)
class Augmentation:
    """Random changes of a chunk; every strength is the largest that is drawn.

    Decibels are relative to the track's maximum, so loudness as such is gone already. What is left
    to become indifferent to: another loudest moment (an excerpt), equalisers, noise, band limits of
    old and of compressed recordings, rooms, small changes of pitch.

    Parameters
    ----------
    gain_db : float
        Level of the whole chunk, up or down.
    tilt_db : float
        Linear change from the lowest to the highest band, up or down at the ends.
    bumps_db : float
        Smooth random change over the bands (three cosines).
    noise_db : float
        Loudest noise floor laid under the chunk, dB; drawn between the floor and this.
    cutoff_share : float
        Share of the chunks whose high bands are cut off.
    reverb_share : float
        Share of the chunks whose decays are prolonged.
    shift_bands : int
        Bands by which the spectrum moves up or down.
    time_mask, band_mask : int
        Longest run of frames, and of bands, that is blanked.
    """

    gain_db: float = 9.0
    tilt_db: float = 8.0
    bumps_db: float = 4.0
    noise_db: float = -35.0
    cutoff_share: float = 0.25
    reverb_share: float = 0.25
    shift_bands: int = 2
    time_mask: int = 24
    band_mask: int = 16


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what an encoder learns.

    Parameters
    ----------
    name : str
        Name of the recipe; the encoder's id starts with it.
    frontend : FrontEnd
        Settings of the spectrogram.
    objective : {"contrastive", "reconstruction"}
        What is learned: to tell pairs from the rest of the batch, or to draw a chunk again from its
        vector.
    network : {"pooled", "strided"}
        Architecture, see `audio_model.network`.
    filters : tuple of int
        Channels of the convolution blocks.
    embedding_dim : int
        Length of a vector.
    norm_momentum : float
        Momentum of the batch statistics. Keras' 0.99 would leave a third of the initial values
        in them after 100 steps.
    positives : {"copies", "chunks"}
        What makes a pair: two views of one chunk, or views of two chunks of one track.
    noise_sigma : float
        Standard deviation of the noise that makes a view, dB.
    augmentation : Augmentation or None
        Further changes of a view; None = noise alone.
    batch_tracks : int
        Distinct tracks in a batch; each has the others as its negatives.
    tau : float
        Temperature of InfoNCE.
    symmetric : bool
        Whether the second views look for the first ones, too.
    projection_dim : int
        Length of the projection in which pairs are compared; 0 = the vectors themselves.
    learning_rate : float
        Step size of Adam, at its highest.
    schedule : {"constant", "cosine"}
        Course of the step size; cosine rises over the first twentieth and then falls to 0.
    steps : int
        Batches that training takes unless told otherwise.
    whitening : float
        How far the directions of the trained space are evened out, 0 (not at all) … 1, see
        `audio_model.whitening`.
    timbre_coefficients : int
        Cepstral coefficients whose statistics stand beside what is learned, see
        `audio_model.timbre`; 0 = none.
    teacher_weight : float
        Weight of the terms that pull towards a teacher's vectors, where there are any.
    validation_share : float
        Share of the tracks that is held out, by whole groups, to probe the space; 0 = none.
    probe_every : int
        Steps between probes.
    patience : int
        Probes without a new best one after which training ends; the best one's weights are kept.
    """

    name: str
    frontend: FrontEnd = field(default_factory=FrontEnd)
    objective: Literal["contrastive", "reconstruction"] = "contrastive"
    network: Literal["pooled", "strided"] = "pooled"
    filters: tuple[int, ...] = (32, 64, 128)
    embedding_dim: int = 128
    norm_momentum: float = 0.9
    positives: Literal["copies", "chunks"] = "copies"
    noise_sigma: float = 0.05
    augmentation: Augmentation | None = None
    batch_tracks: int = 8
    tau: float = 0.1
    symmetric: bool = False
    projection_dim: int = 0
    learning_rate: float = 1e-3
    schedule: Literal["constant", "cosine"] = "constant"
    steps: int = 100
    whitening: float = 0.0
    timbre_coefficients: int = 0
    teacher_weight: float = 0.0
    validation_share: float = 0.08
    probe_every: int = 100
    patience: int = 3
