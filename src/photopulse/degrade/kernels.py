"""A blur kernel of the user's as a downscaling operator, and the files from which it is read."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from photopulse.degrade.downscale import check_factor, check_smaller_factor
from photopulse.degrade.resample import at_least_float32, check_image, mirror
from photopulse.errors import PhotopulseError
from photopulse.files import check_regular

MAX_KERNEL_SIZE = 1024
MAX_KERNEL_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class CustomKernel:
    """Correlates each channel with a 2-D ``kernel`` (not flipped), with mirrored edges, and subsamples.

    The kernel is centred on each block; where that is impossible (size and factor differ by an odd number), it lies
    half a pixel above and to the left of the centre. The kernel is used as given; ``load_kernel`` normalises it.

    Attributes:
        kernel: weights (kH, kW).
        factor: how many times smaller height and width become.
        name: always ``"kernel"``.

    Raises:
        ValueError: if the kernel is not a matrix or the factor is below 1.
    """

    kernel: Tensor
    factor: int
    name: str = field(default="kernel", init=False)

    def __post_init__(self) -> None:
        check_factor(self)
        if self.kernel.ndim != 2 or self.kernel.numel() == 0:
            raise ValueError(f"kernel must be a matrix, got the shape {tuple(self.kernel.shape)}")

    @property
    def is_linear(self) -> bool:
        """True: a correlation is linear."""
        return True

    def __call__(self, image: Tensor) -> Tensor:
        check_image(image, self.factor)
        batch, channels, height, width = image.shape
        rows = self._rows(height, self.kernel.shape[0]).to(image.device)
        columns = self._rows(width, self.kernel.shape[1]).to(image.device)
        with torch.autocast(image.device.type, enabled=False):
            planes = at_least_float32(image).reshape(batch * channels, 1, height, width)
            padded = planes[:, :, rows][..., columns]
            small = F.conv2d(padded, self.kernel.to(padded)[None, None], stride=self.factor)
        return small.reshape(batch, channels, *small.shape[2:]).to(image.dtype)

    def without_steps(self) -> "CustomKernel":
        """Returns itself, which has no steps."""
        return self

    def with_factor(self, factor: int) -> "CustomKernel":
        """Sums the kernel over larger pixels; with a factor of 1 it still blurs if it is wider than one pixel.

        Raises:
            ValueError: if ``factor`` is below 1 or above this kernel's own factor.
        """
        check_smaller_factor(self, factor)
        if factor == self.factor:
            return self
        down, across = (torch.as_tensor(_shares(taps, self.factor, factor)) for taps in self.kernel.shape)
        kernel = (down @ self.kernel.double().cpu() @ across.T).to(self.kernel)
        return replace(self, kernel=kernel, factor=factor)

    def expected_error(self, *, side: int | None = None) -> float:  # noqa: ARG002
        """Returns 0: nothing is random."""
        return 0.0

    def _rows(self, size: int, taps: int) -> Tensor:
        """Returns the indices of the input rows (or columns) that make up the padded image, mirrored at the edges."""
        first = (self.factor - taps - 1) // 2 if (self.factor - taps) % 2 else (self.factor - taps) // 2
        return torch.as_tensor(mirror(np.arange(first, first + size - self.factor + taps), size))


def _shares(taps: int, old: int, new: int) -> NDArray[np.float64]:
    """Returns which share of each tap falls into each larger pixel, (larger pixels, taps), float64."""
    # Left edges of the taps in larger pixels, from the centre of the block.
    width = new / old
    # CustomKernel lies half a pixel above and left of the centre where it cannot be centred.
    middle = -0.5 if (old - taps) % 2 else 0.0
    left = (np.arange(taps) - taps / 2 + middle) * width
    # As many larger pixels as they reach, an even or odd number as the block has.
    pixels = int(np.ceil(2 * max(-left[0], left[-1] + width) - 1e-9))
    pixels += (pixels - new) % 2
    edges = np.arange(pixels + 1) - pixels / 2
    overlap = np.minimum(left + width, edges[1:, None]) - np.maximum(left, edges[:-1, None])
    return np.maximum(overlap, 0) / width


def load_kernel(path: Path) -> Tensor:
    """Reads a blur kernel (kH, kW) from a .npy, .txt or .csv file of numbers and divides it by its sum.

    Returns:
        float32, at most 1024 x 1024.

    Raises:
        PhotopulseError: if the file cannot be read or holds no usable kernel.
    """
    # The bounds are checked before anything large is read.
    try:
        check_regular(path)
        if path.stat().st_size > MAX_KERNEL_BYTES:
            raise ValueError(f"the file is larger than {MAX_KERNEL_BYTES // 2**20} MB")
        values = _read_matrix(path)
        if values.ndim != 2 or not 1 <= max(values.shape) <= MAX_KERNEL_SIZE or values.size == 0:
            raise ValueError(f"a kernel has two sides of 1 to {MAX_KERNEL_SIZE}, this one is {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError("it holds a value that is not a finite number")
        if abs(values.sum()) <= 1e-6 * np.abs(values).sum():
            raise ValueError("its values sum to zero, so it cannot keep an image's brightness")
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise PhotopulseError(
            f"cannot use the blur kernel {path}",
            why=str(error) or type(error).__name__,
            fix="give a .npy, .txt or .csv file that holds one matrix of numbers",
        ) from error
    return torch.as_tensor((values / values.sum()).astype(np.float32))


def _read_matrix(path: Path) -> NDArray[np.float64]:
    match path.suffix.lower():
        case ".npy":
            # Memory-mapped, so that a header that declares a huge array costs no memory.
            loaded = np.load(path, allow_pickle=False, mmap_mode="r")
            if loaded.size > MAX_KERNEL_SIZE**2 or loaded.dtype.kind not in "biuf":
                raise ValueError(f"it holds {loaded.shape} values of type {loaded.dtype}")
            return np.asarray(loaded, dtype=np.float64)
        case ".csv":
            return np.loadtxt(path, delimiter=",", ndmin=2, dtype=np.float64)
        case ".txt":
            return np.loadtxt(path, ndmin=2, dtype=np.float64)
        case other:
            raise ValueError(f"files of type {other!r} hold no kernel")
