"""What a column of the tables is: where its values come from, its unit, which way is better, how it is written."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from photopulse.evaluation.rows import Row
from photopulse.reporting.intervals import Statistic

_MAX_DECIMALS = 3


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One column of the tables.

    Attributes:
        name: the key in the CSV and JSON files.
        heading: of the column.
        value: takes it from a row; None where it was not measured. It is None itself for figures that only a whole
            set has.
        statistic: over the pictures of a set, with ``axis=`` as NumPy's.
        lower_better: which way is better; None where neither is.
        unit: empty for a plain number.
        meaning: what it is, in words.
        decimals: how many are written; None for three significant figures.
        main: whether the table of intervals shows it.
        listed: whether the page for readers shows it; the files for programs have all.
    """

    name: str
    heading: str
    value: Callable[[Row], float | None] | None = None
    statistic: Statistic = np.mean
    lower_better: bool | None
    unit: str = ""
    meaning: str
    decimals: int | None = None
    main: bool = False
    listed: bool = True

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
        decimals = self._decimals(value)
        least = 10.0**-decimals
        if 0 < value < least / 2:
            return f"<{least:.{decimals}f}"
        return f"{round(value, decimals) + 0.0:.{decimals}f}"  # Adding 0 makes of -0.0 a plain zero.

    def _decimals(self, value: float) -> int:
        if self.decimals is not None:
            return self.decimals
        digits_before = 1 + math.floor(math.log10(abs(value))) if value else 1
        return min(max(3 - digits_before, 0), _MAX_DECIMALS)


def _downscale_mse(row: Row) -> float | None:
    return None if row.downscale_mse is None else row.downscale_mse * 1e5


def _absolute_ita_shift(row: Row) -> float | None:
    return None if row.ita_shift is None else abs(row.ita_shift)


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
        name="set_niqe",
        heading="NIQE of set",
        lower_better=True,
        meaning="the NIQE of all pictures together, for those too small for a NIQE of their own",
        decimals=2,
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
        name="lpips",
        heading="LPIPS",
        value=lambda row: row.lpips,
        lower_better=True,
        meaning="LPIPS v0.1 on AlexNet to the sharp picture, mean",
        decimals=3,
        main=True,
    ),
    Measure(
        name="identity_distance",
        heading="identity distance",
        value=lambda row: row.identity_distance,
        lower_better=True,
        meaning="distance of dlib's face embeddings to the sharp picture, mean; below 0.6 dlib takes two faces for one "
        "person. It measures likeness for this evaluation only and identifies nobody",
        decimals=3,
        main=True,
    ),
    Measure(
        name="identity",
        heading="identity",
        value=lambda row: row.identity,
        lower_better=False,
        meaning="cosine similarity of the same embeddings, mean; strangers reach 0.84 on average, so read the distance",
        decimals=3,
        listed=False,
    ),
    Measure(
        name="kd",
        heading="KD",
        lower_better=True,
        unit="1e-3",
        meaning="kernel distance of the set of results to the set of sharp pictures, on EfficientNet-Lite0 features "
        "(KID is the same on Inception's, with other values), without the pairs that show the same person; it may fall "
        "below 0 by chance. Its interval is 1.96 standard errors to both sides",
        decimals=1,
        main=True,
    ),
    Measure(
        name="fd",
        heading="FD",
        lower_better=True,
        meaning="Frechet distance of the same sets and features (not FID); it shrinks with more pictures, so it stands "
        "only where all methods have the same ones, and compares with sets of that number only",
        decimals=1,
    ),
    Measure(
        name="confidence",
        heading="confidence",
        value=lambda row: row.confidence,
        lower_better=False,
        meaning="score of the face detector for the result, 0 where it finds no face, at most 1, mean",
        decimals=3,
        main=True,
    ),
    Measure(
        name="ita_shift",
        heading="ITA shift",
        value=lambda row: row.ita_shift,
        lower_better=None,
        unit="°",
        meaning="by how much the skin of the downscaled result is lighter than that of the input (darker below 0), in "
        "degrees of individual typology angle, in the same pixels, mean. Best is 0, but shifts to both sides cancel",
        decimals=2,
        main=True,
    ),
    Measure(
        name="absolute_ita_shift",
        heading="ITA shift either way",
        value=_absolute_ita_shift,
        lower_better=True,
        unit="°",
        meaning="the size of the same shift, lighter or darker, mean",
        decimals=2,
        main=True,
    ),
    Measure(
        name="absolute_ita_shift_median",
        heading="ITA shift either way, median",
        value=_absolute_ita_shift,
        statistic=np.median,
        lower_better=True,
        unit="°",
        meaning="the size of the same shift, lighter or darker, median over the pictures",
        decimals=2,
        listed=False,
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
    Measure(
        name="converged",
        heading="converged",
        lower_better=False,
        meaning="share of the searches that reached their target",
        decimals=2,
    ),
)
