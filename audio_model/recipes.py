"""Training recipes by name; an encoder remembers which one made it."""

from __future__ import annotations

from dataclasses import dataclass, field

from audio_model.frontend import FrontEnd
from data.errors import ParameterError


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what an encoder learns.

    Parameters
    ----------
    name : str
        Name of the recipe; the encoder's id starts with it.
    frontend : FrontEnd
        Settings of the spectrogram.
    batch_tracks : int
        Distinct tracks in a batch; each has the others as its negatives.
    tau : float
        Temperature of InfoNCE.
    noise_sigma : float
        Standard deviation of the noise that makes a view, dB.
    learning_rate : float
        Step size of Adam.
    steps : int
        Batches that training takes unless told otherwise.
    filters : tuple of int
        Channels of the convolution blocks.
    embedding_dim : int
        Length of a vector.
    norm_momentum : float
        Momentum of the batch statistics. Keras' 0.99 would leave a third of the initial values
        in them after 100 steps.
    """

    name: str
    frontend: FrontEnd = field(default_factory=FrontEnd)
    batch_tracks: int = 8
    tau: float = 0.1
    noise_sigma: float = 0.05
    learning_rate: float = 1e-3
    steps: int = 100
    filters: tuple[int, ...] = (32, 64, 128)
    embedding_dim: int = 128
    norm_momentum: float = 0.9


RECIPES = {
    # The source article to the letter: two copies of the same chunk, noise of σ = 0.05 dB, τ = 0.1,
    # batches of 8 tracks. It fixes neither the number of steps nor the optimiser; the task is
    # solved within some tens of steps, so that more steps change little.
    "article": Recipe("article"),
}


def recipe_named(name: str) -> Recipe:
    """Recipe called `name`.

    Raises
    ------
    ParameterError
        If there is none of that name.
    """
    if name not in RECIPES:
        raise ParameterError(f"no recipe {name!r}; there are: {', '.join(RECIPES)}")
    return RECIPES[name]
