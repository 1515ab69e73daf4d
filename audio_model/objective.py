"""The loss of one batch, by what the recipe wants learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from audio_model.batches import PairBatch
from audio_model.loss import info_nce, reconstruction, similarity_transfer
from audio_model.network import DRAWING, EMBEDDING, PROJECTION, TEACHER
from audio_model.recipes import Recipe

Objective = Callable[[keras.Model, PairBatch, Recipe], tuple[Any, Any]]
"""Student, batch, recipe → loss, and a share 0 … 1 that says how well the task is done."""


def contrastive(student: keras.Model, batch: PairBatch, recipe: Recipe) -> tuple[Any, Any]:
    """InfoNCE of the pairs, and the share of first views that find their second one.

    Where the batch has a teacher's vectors, the student is pulled towards them as well.
    """
    first, second = (student(view, training=True) for view in (batch.first, batch.second))
    loss, accuracy = info_nce(first[PROJECTION], second[PROJECTION], recipe.tau)
    if recipe.symmetric:
        loss = (loss + info_nce(second[PROJECTION], first[PROJECTION], recipe.tau)[0]) / 2
    if TEACHER in first:
        loss += recipe.teacher_weight * (
            _lesson(first, batch.first_teacher, recipe.tau)
            + _lesson(second, batch.second_teacher, recipe.tau)
        )
    return loss, accuracy


def drawing(student: keras.Model, batch: PairBatch, recipe: Recipe) -> tuple[Any, Any]:
    """Error of the chunks drawn again, and the share of their variance that is explained."""
    drawn = student(batch.first, training=True)[DRAWING]
    return reconstruction(drawn, batch.first, recipe.frontend.min_db)


OBJECTIVES: dict[str, Objective] = {"contrastive": contrastive, "reconstruction": drawing}


def _lesson(student: dict[str, Any], teacher: Any, tau: float) -> Any:
    """Distance of a student's guesses and of its similarities from the teacher's."""
    angle = tf.reduce_mean(1.0 - tf.reduce_sum(student[TEACHER] * teacher, axis=1))
    named, _ = info_nce(student[TEACHER], teacher, tau)
    return angle + 0.5 * named + similarity_transfer(student[EMBEDDING], teacher, tau)
