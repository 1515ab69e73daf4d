"""What training makes small."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def info_nce(anchors: Any, positives: Any, tau: float) -> tuple[Any, Any]:
    """Negative log-softmax of the diagonal of the similarity matrix, along its rows.

    ``L = −1/N Σ_i log( exp(a_i·p_i/τ) / Σ_j exp(a_i·p_j/τ) )``

    Parameters
    ----------
    anchors, positives : tf.Tensor [shape=(batch, dim)]
        Unit vectors of the two views, row ``i`` of both from the same track.
    tau : float
        Temperature.

    Returns
    -------
    loss : tf.Tensor, scalar
        Mean over the rows.
    accuracy : tf.Tensor, scalar
        Share of the rows whose largest similarity is the diagonal one.

    References
    ----------
    A. van den Oord et al., Representation Learning with Contrastive Predictive Coding, 2018,
    equation 4.
    """
    similarity = tf.matmul(anchors, positives, transpose_b=True) / tau  # (batch, batch)
    diagonal = tf.range(tf.shape(similarity)[0])
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=diagonal, logits=similarity)
    found = tf.equal(tf.argmax(similarity, axis=1, output_type=tf.int32), diagonal)
    return tf.reduce_mean(losses), tf.reduce_mean(tf.cast(found, tf.float32))


def similarity_transfer(vectors: Any, teacher: Any, tau: float) -> Any:
    """How far the similarities among `vectors` are from those among the teacher's vectors.

    For each row, the Kullback–Leibler divergence from the softmax of the teacher's similarities to
    the other rows to that of the student's: ``KL( softmax(T_i/τ) ‖ softmax(S_i/τ) )``. It shapes
    exactly what the vectors are used for, their cosines.

    Parameters
    ----------
    vectors : tf.Tensor [shape=(batch, dim)]
        Unit vectors.
    teacher : tf.Tensor [shape=(batch, teacher_dim)]
        Unit vectors of the same rows.
    tau : float
        Temperature.
    """
    # A row's similarity to itself says nothing; it is taken out of both distributions.
    self_mask = tf.eye(tf.shape(vectors)[0]) * -1e9
    student = tf.matmul(vectors, vectors, transpose_b=True) / tau + self_mask
    target = tf.nn.softmax(tf.matmul(teacher, teacher, transpose_b=True) / tau + self_mask)
    cross = tf.nn.softmax_cross_entropy_with_logits(labels=target, logits=student)
    entropy = tf.nn.softmax_cross_entropy_with_logits(
        labels=target, logits=tf.math.log(tf.maximum(target, 1e-30))
    )
    return tf.reduce_mean(cross - entropy)


def reconstruction(drawn: Any, chunks: Any, min_db: float) -> tuple[Any, Any]:
    """Mean squared error of chunks drawn again, and the share of their variance that is explained.

    Parameters
    ----------
    drawn, chunks : tf.Tensor [shape=(batch, n_mels, chunk_frames, 1)]
        Decibels.
    min_db : float
        Floor of the range; the error is of ``chunk / min_db``.
    """
    error = tf.reduce_mean(tf.square(drawn - chunks))
    variance = tf.math.reduce_variance(chunks)
    return error / min_db**2, 1.0 - error / tf.maximum(variance, 1e-6)
