"""The arrays from which statistics are computed."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""An array of numbers; what its axes are, its user says."""
