"""The one scale on which scores, popularity and similarity are weighed against each other."""

from __future__ import annotations

import numpy as np

from data.arrays import Doubles, Floats


def standardised(values: Floats) -> Doubles:
    """`values` [shape=(n,)] in standard deviations from their mean; all 0 where they are equal.

    The ranker's scores have no unit of their own; their spread over one listener's candidates is
    the only yardstick there is.
    """
    centred = values.astype(np.float64) - (float(values.mean()) if len(values) else 0.0)
    spread = float(centred.std()) if len(values) else 0.0
    # Rounding leaves a spread of some 1e-16 where all values are equal.
    return centred / spread if spread > 1e-9 else np.zeros(len(values))
