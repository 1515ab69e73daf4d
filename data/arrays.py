"""Short names for the array types that signatures repeat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Positions = NDArray[np.int32]
Mask = NDArray[np.bool_]
