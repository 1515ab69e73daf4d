"""Training recipes by name; an encoder remembers which one made it.

A new recipe is a module here and a row in `RECIPES`.
"""

from __future__ import annotations

from audio_model.recipes.article import ARTICLE
from audio_model.recipes.autoencoder import AUTOENCODER
from audio_model.recipes.base import Augmentation, Recipe
from audio_model.recipes.default import DEFAULT
from data.errors import ParameterError

RECIPES = {recipe.name: recipe for recipe in (ARTICLE, DEFAULT, AUTOENCODER)}


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


__all__ = ["RECIPES", "Augmentation", "Recipe", "recipe_named"]
