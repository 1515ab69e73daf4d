"""The source article to the letter: the baseline.

Two copies of the same chunk with noise of σ = 0.05 dB, τ = 0.1, batches of 8 tracks, three
convolution blocks and global average pooling. The article fixes neither the number of steps nor the
optimiser; the task is solved within some tens of steps, so that more steps change little.
"""

from audio_model.recipes.base import Recipe

ARTICLE = Recipe("article")
