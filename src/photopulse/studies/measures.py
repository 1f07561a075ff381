"""What a column of the tables is: where its values come from, its unit, which way is better, how it is written."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from photopulse.degrade.corruptions import UNTOUCHED
from photopulse.studies.rows import Row

# The order in which papers list them: what to reach, what needs no learning, what learned, what searches.
_METHODS = ("original", "nearest", "bicubic", "lanczos", "realesrgan", "fsrnet", "fsrgan", "pulse")
_REFERENCES = frozenset({"original"})
_MAX_DECIMALS = 3


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One column of the tables.

    Attributes:
        name: the key in the CSV and JSON files.
        heading: of the column.
        value: takes it from a row; None where it was not measured.
        statistic: over the pictures of a set, with ``axis=`` as NumPy's.
        lower_better: which way is better; None where neither is.
        unit: empty for a plain number.
        meaning: what it is, in words.
        decimals: how many are written; None for three significant figures.
        main: whether the table of intervals shows it.
    """

    name: str
    heading: str
    value: Callable[[Row], float | None]
    statistic: Callable[..., Any] = np.mean
    lower_better: bool | None
    unit: str = ""
    meaning: str
    decimals: int | None = None
    main: bool = False

    @property
    def arrow(self) -> str:
        """Points where better is: up, down, or nowhere."""
        return "" if self.lower_better is None else " ↓" if self.lower_better else " ↑"

    def text(self, value: float | None) -> str:
        """Words a value for a reader; a dash for none."""
        if value is None:
            return "-"
        if not math.isfinite(value):
            return "nan" if math.isnan(value) else "∞" if value > 0 else "-∞"
        return f"{value:.{self._decimals(value)}f}"

    def _decimals(self, value: float) -> int:
        if self.decimals is not None:
            return self.decimals
        digits_before = 1 + math.floor(math.log10(abs(value))) if value else 1
        return min(max(3 - digits_before, 0), _MAX_DECIMALS)


def method_order(method: str) -> tuple[int, str]:
    """Returns the key that sorts methods for a reader; variants (``pulse:400``) stand with their family."""
    family = re.split("[:-]", method)[0]
    place = next((place for place, name in enumerate(_METHODS) if family == name), len(_METHODS))
    return place, method


def is_reference(method: str) -> bool:
    """Says whether a method is what the others are compared with, so that it never wins a column."""
    return method in _REFERENCES


def condition_order(condition: str) -> tuple[bool, str]:
    """Returns the key that sorts conditions: none first, the others by name."""
    return condition != UNTOUCHED, condition


def _downscale_mse(row: Row) -> float | None:
    return None if row.downscale_mse is None else row.downscale_mse * 1e5


MEASURES = (
    Measure(
        name="downscale_mse_mean",
        heading="MSE mean",
        value=_downscale_mse,
        lower_better=True,
        unit="1e-5",
        meaning="mean squared error between the downscaled result and the input, in [0, 1], mean over the pictures",
    ),
    Measure(
        name="downscale_mse_median",
        heading="MSE median",
        value=_downscale_mse,
        statistic=np.median,
        lower_better=True,
        unit="1e-5",
        meaning="the same error, median over the pictures",
        main=True,
    ),
    Measure(
        name="niqe",
        heading="NIQE",
        value=lambda row: row.niqe,
        lower_better=True,
        meaning="distance from the statistics of natural pictures, mean over the pictures",
        decimals=2,
        main=True,
    ),
    Measure(
        name="psnr",
        heading="PSNR",
        value=lambda row: row.psnr,
        lower_better=False,
        unit="dB",
        meaning="peak signal-to-noise ratio over RGB against the sharp picture, mean",
        decimals=2,
        main=True,
    ),
    Measure(
        name="psnr_y",
        heading="PSNR-Y",
        value=lambda row: row.psnr_y,
        lower_better=False,
        unit="dB",
        meaning="peak signal-to-noise ratio over luma (BT.601) against the sharp picture, mean",
        decimals=2,
    ),
    Measure(
        name="ssim",
        heading="SSIM",
        value=lambda row: row.ssim,
        lower_better=False,
        meaning="structural similarity on luma with the sharp picture, at most 1, mean",
        decimals=3,
        main=True,
    ),
    Measure(
        name="perceptual",
        heading="perceptual",
        value=lambda row: row.perceptual,
        lower_better=True,
        meaning="distance of EfficientNet-Lite0 features to the sharp picture (this is not LPIPS), mean",
        decimals=3,
        main=True,
    ),
    Measure(
        name="identity",
        heading="identity",
        value=lambda row: row.identity,
        lower_better=False,
        meaning="cosine similarity of face embeddings with the sharp picture, at most 1, mean; it measures likeness "
        "for this evaluation only and identifies nobody",
        decimals=3,
        main=True,
    ),
    Measure(
        name="sharpness",
        heading="sharpness",
        value=lambda row: row.sharpness,
        lower_better=None,
        meaning="fine detail in the result, wanted or not, mean",
    ),
    Measure(
        name="seconds",
        heading="time",
        value=lambda row: row.seconds,
        statistic=np.median,
        lower_better=True,
        unit="s",
        meaning="wall time for one picture, median",
    ),
)
