"""Downscaling operators: what turned the sharp face into the small one (PULSE, section 3).

Every operator takes an RGB image (B, 3, H, W) whose height and width divide by ``factor`` and gives
(B, 3, H / factor, W / factor) on the same device and in the same dtype, differentiably. Output pixel i looks
at the middle of its block of ``factor`` input pixels: the coordinate ``(i + 1/2) * factor - 1/2``.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from photopulse.errors import PhotopulseError

MAX_KERNEL_SIZE = 1024
MAX_KERNEL_BYTES = 64 * 2**20


class Degradation(Protocol):
    """A known way from a large image to a small one."""

    @property
    def name(self) -> str:
        """What settings and reports call it, e.g. ``"bicubic"``."""
        ...

    @property
    def factor(self) -> int:
        """How many times smaller height and width become."""
        ...

    def __call__(self, image: Tensor) -> Tensor:
        """Downscales (B, 3, H, W) to (B, 3, H / factor, W / factor); ValueError if that does not divide."""
        ...


def _check_factor(operator: Degradation) -> None:
    if operator.factor < 1:
        raise ValueError(f"factor must be at least 1, got {operator.factor}")


@dataclass(frozen=True)
class Bicubic:
    """PULSE's downscaling: antialiased cubic convolution (Keys 1981, a = -1/2), edges mirrored.

    Equal to PULSE's operator for every even factor. For odd ones PULSE's taps sit half a pixel beside the
    block's middle; these do not, so that factor 1 changes nothing.
    """

    factor: int
    name: str = field(default="bicubic", init=False)
    __post_init__ = _check_factor

    def __call__(self, image: Tensor) -> Tensor:
        return _resample(image, _CUBIC, self.factor)


@dataclass(frozen=True)
class Box:
    """The mean of each block of pixels; equal to Pillow's ``BOX`` and OpenCV's ``INTER_AREA``."""

    factor: int
    name: str = field(default="box", init=False)
    __post_init__ = _check_factor

    def __call__(self, image: Tensor) -> Tensor:
        return _resample(image, _BOX, self.factor)


@dataclass(frozen=True)
class Nearest:
    """Takes pixel ``i * factor + factor // 2`` of each block, like Pillow's ``NEAREST``.

    That is the middle pixel of odd blocks and the one below and right of the middle of even blocks.
    """

    factor: int
    name: str = field(default="nearest", init=False)
    __post_init__ = _check_factor

    def __call__(self, image: Tensor) -> Tensor:
        _check_image(image, self.factor)
        return image[..., self.factor // 2 :: self.factor, self.factor // 2 :: self.factor]


@dataclass(frozen=True)
class Bilinear:
    """The antialiased tent filter, two blocks wide; equal to Pillow's ``BILINEAR``, edges included."""

    factor: int
    name: str = field(default="bilinear", init=False)
    __post_init__ = _check_factor

    def __call__(self, image: Tensor) -> Tensor:
        return _resample(image, _TENT, self.factor)


@dataclass(frozen=True)
class Lanczos:
    """The antialiased windowed sinc with three lobes; equal to Pillow's ``LANCZOS``, edges included."""

    factor: int
    name: str = field(default="lanczos", init=False)
    __post_init__ = _check_factor

    def __call__(self, image: Tensor) -> Tensor:
        return _resample(image, _LANCZOS3, self.factor)


@dataclass(frozen=True, eq=False)
class CustomKernel:
    """Correlates each channel with the user's own 2-D ``kernel`` (not flipped), edges mirrored.

    The kernel's middle lies on the block's middle; where that is impossible (size and factor differ by an odd
    number) half a pixel above and left of it. The kernel is used as it is: ``load_kernel`` normalises.
    """

    kernel: Tensor
    factor: int
    name: str = field(default="kernel", init=False)

    def __post_init__(self) -> None:
        _check_factor(self)
        if self.kernel.ndim != 2 or self.kernel.numel() == 0:
            raise ValueError(f"kernel must be a matrix, got the shape {tuple(self.kernel.shape)}")

    def __call__(self, image: Tensor) -> Tensor:
        _check_image(image, self.factor)
        batch, channels, height, width = image.shape
        rows = self._rows(height, self.kernel.shape[0]).to(image.device)
        columns = self._rows(width, self.kernel.shape[1]).to(image.device)
        with torch.autocast(image.device.type, enabled=False):
            planes = _at_least_float32(image).reshape(batch * channels, 1, height, width)
            padded = planes[:, :, rows][..., columns]
            small = F.conv2d(padded, self.kernel.to(padded)[None, None], stride=self.factor)
        return small.reshape(batch, channels, *small.shape[2:]).to(image.dtype)

    def _rows(self, size: int, taps: int) -> Tensor:
        """Which input rows, mirrored at the edges, the padded image is made of."""
        first = (self.factor - taps - 1) // 2 if (self.factor - taps) % 2 else (self.factor - taps) // 2
        return torch.as_tensor(_mirror(np.arange(first, first + size - self.factor + taps), size))


_OPERATORS: Mapping[str, Callable[[int], Degradation]] = {
    "bicubic": Bicubic,
    "bilinear": Bilinear,
    "box": Box,
    "lanczos": Lanczos,
    "nearest": Nearest,
}
DEGRADATION_NAMES = tuple(_OPERATORS)


def make_degradation(name: str, *, factor: int) -> Degradation:
    """Builds the operator of that name; ValueError lists the names when it is none of them."""
    if name not in _OPERATORS:
        raise ValueError(f"unknown degradation {name!r}; choose one of {', '.join(DEGRADATION_NAMES)}")
    return _OPERATORS[name](factor)


def load_kernel(path: Path) -> Tensor:
    """Reads a blur kernel (kH, kW), float32, divided by its sum, from a .npy, .txt or .csv file of numbers.

    At most 1024 x 1024. Raises PhotopulseError when the file cannot be read or holds no usable kernel.
    """
    try:
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
            # Mapped, so that a header that declares a huge array costs no memory.
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


@dataclass(frozen=True)
class _Filter:
    """A 1-D filter in units of output pixels; ``mirror`` edges, or leave out the taps beyond them."""

    weight: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    support: float
    mirror: bool


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution with a = -1/2."""
    x = np.abs(x)
    inner = (1.5 * x - 2.5) * x**2 + 1
    outer = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, inner, np.where(x < 2, outer, 0.0))


def _box(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return (np.abs(x) < 0.5).astype(np.float64)


def _tent(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(0.0, 1.0 - np.abs(x))


def _lanczos3(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


_CUBIC = _Filter(_cubic, support=2, mirror=True)
_BOX = _Filter(_box, support=0.5, mirror=False)
_TENT = _Filter(_tent, support=1, mirror=False)
_LANCZOS3 = _Filter(_lanczos3, support=3, mirror=False)


def _resample(image: Tensor, taps: _Filter, factor: int) -> Tensor:
    """Downscales by two matrix products, rows and columns apart: exact, fast, with an exact gradient."""
    _check_image(image, factor)
    # A low-precision sum over hundreds of taps would drown the downscale error that the search minimises.
    with torch.autocast(image.device.type, enabled=False):
        values = _at_least_float32(image)
        down = _matrix(taps, image.shape[2], factor, values.dtype, image.device)
        across = _matrix(taps, image.shape[3], factor, values.dtype, image.device)
        return (down @ (values @ across.T)).to(image.dtype)


@lru_cache(maxsize=32)
def _matrix(taps: _Filter, size: int, factor: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The matrix (size / factor, size) that filters and subsamples one axis, edges folded in."""
    middles = (np.arange(size // factor) + 0.5) * factor - 0.5
    reach = math.ceil(taps.support * factor)
    pixels = np.floor(middles)[:, None].astype(np.int64) + np.arange(-reach, reach + 2)
    weights = taps.weight((pixels - middles[:, None]) / factor)
    if not taps.mirror:
        weights = np.where((pixels >= 0) & (pixels < size), weights, 0.0)
    weights = weights / weights.sum(axis=1, keepdims=True)
    matrix = np.zeros((size // factor, size))
    np.add.at(matrix, (np.arange(size // factor)[:, None], _mirror(pixels, size)), weights)
    # A tensor made in inference mode could never take part in a later backward pass.
    with torch.inference_mode(False):
        return torch.as_tensor(matrix).to(device=device, dtype=dtype)


def _mirror(index: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Folds any index into 0 .. size - 1 by mirrors that stand on the edge pixels, as often as needed."""
    if size == 1:
        return np.zeros_like(index)
    folded = index % (2 * size - 2)
    return np.minimum(folded, 2 * size - 2 - folded)


def _check_image(image: Tensor, factor: int) -> None:
    if image.ndim != 4 or image.numel() == 0:
        raise ValueError(f"image must be (B, 3, H, W), got the shape {tuple(image.shape)}")
    height, width = image.shape[2:]
    if height % factor or width % factor:
        raise ValueError(f"an image of {height} x {width} pixels does not divide by {factor}")


def _at_least_float32(image: Tensor) -> Tensor:
    return image if image.dtype == torch.float64 else image.float()
