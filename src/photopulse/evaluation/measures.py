"""Lists all measures: how each is computed for a picture, and the columns that summarise it for a set.

A new measure is a file in ``metrics/`` and an entry here. Its column in ``rows.csv`` and in the tables for readers,
spreadsheets and programs, with interval, arrow and legend, follow. Entries stand in the order of ``rows.csv``.
"""

import numpy as np

from photopulse.evaluation.comparison import (
    against_sharp,
    confidence,
    consistency,
    features,
    lpips,
    of_faces,
    perceptual,
    skin_shift,
)
from photopulse.evaluation.measure import TOPICS, Column, Measure, over_pictures, share_of_pictures
from photopulse.evaluation.sets import fd_of_set, kd_of_set, niqe_blocks, niqe_of_set, own_niqe
from photopulse.metrics.identity import identity_distance, identity_similarity
from photopulse.metrics.psnr import psnr, psnr_y
from photopulse.metrics.sharpness import sharpness
from photopulse.metrics.ssim import ssim


def _in_1e5(value: float) -> float:
    return value * 1e5


MEASURES = (
    Measure(
        "seconds",
        None,
        Column("time", "work", "lower", "wall time for one picture, median", over_pictures(np.median), unit="s"),
    ),
    Measure(
        "downscale_mse",
        consistency,
        Column(
            "MSE mean",
            "consistency",
            "lower",
            "mean squared error between the downscaled result and the input, in [0, 1], mean over the pictures",
            over_pictures(value=_in_1e5),
            name="downscale_mse_mean",
            unit="1e-5",
        ),
        Column(
            "MSE median",
            "consistency",
            "lower",
            "the same error, median over the pictures",
            over_pictures(np.median, _in_1e5),
            name="downscale_mse_median",
            unit="1e-5",
            main=True,
            plotted=True,
        ),
    ),
    Measure(
        "psnr",
        against_sharp(psnr),
        Column(
            "PSNR",
            "truth",
            "higher",
            "peak signal-to-noise ratio over RGB against the sharp picture, mean",
            unit="dB",
            decimals=2,
            main=True,
            plotted=True,
        ),
    ),
    Measure(
        "psnr_y",
        against_sharp(psnr_y),
        Column(
            "PSNR-Y",
            "truth",
            "higher",
            "peak signal-to-noise ratio over luma (BT.601) against the sharp picture, mean",
            unit="dB",
            decimals=2,
        ),
    ),
    Measure(
        "ssim",
        against_sharp(ssim),
        Column(
            "SSIM",
            "truth",
            "higher",
            "structural similarity on luma with the sharp picture, at most 1, mean",
            decimals=3,
            main=True,
        ),
    ),
    Measure(
        "niqe",
        lambda seen: own_niqe(seen.image),
        Column(
            "NIQE",
            "naturalness",
            "lower",
            "distance from the statistics of natural pictures, mean over the pictures",
            decimals=2,
            main=True,
            plotted=True,
        ),
    ),
    Measure(
        "perceptual",
        perceptual,
        Column(
            "perceptual",
            "truth",
            "lower",
            "distance of EfficientNet-Lite0 features to the sharp picture (this is not LPIPS), mean",
            decimals=3,
            main=True,
        ),
    ),
    Measure(
        "lpips",
        lpips,
        Column("LPIPS", "truth", "lower", "LPIPS v0.1 on AlexNet to the sharp picture, mean", decimals=3, main=True),
    ),
    Measure(
        "identity",
        of_faces(identity_similarity),
        Column(
            "identity",
            "person",
            "higher",
            "cosine similarity of the same embeddings, mean; strangers reach 0.84 on average, so read the distance",
            decimals=3,
            listed=False,
        ),
    ),
    Measure(
        "identity_distance",
        of_faces(identity_distance),
        Column(
            "identity distance",
            "person",
            "lower",
            "distance of dlib's face embeddings to the sharp picture, mean; below 0.6 dlib takes two faces for one "
            "person. It measures likeness for this evaluation only and identifies nobody",
            decimals=3,
            main=True,
            plotted=True,
        ),
    ),
    Measure(
        "sharpness",
        lambda seen: sharpness(seen.image),
        Column("sharpness", "detail", None, "fine detail in the result, wanted or not, mean"),
    ),
    Measure(
        "confidence",
        confidence,
        Column(
            "confidence",
            "face",
            "higher",
            "score of the face detector for the result, 0 where it finds no face, at most 1, mean",
            decimals=3,
            main=True,
        ),
    ),
    Measure(
        "ita_shift",
        skin_shift,
        Column(
            "ITA shift",
            "face",
            None,
            "by how much the skin of the downscaled result is lighter than that of the input (darker below 0), in "
            "degrees of individual typology angle, in the same pixels, mean. Best is 0, but shifts to both sides "
            "cancel",
            unit="°",
            decimals=2,
            main=True,
        ),
        Column(
            "ITA shift either way",
            "face",
            "lower",
            "the size of the same shift, lighter or darker, mean",
            over_pictures(value=abs),
            name="absolute_ita_shift",
            unit="°",
            decimals=2,
            main=True,
        ),
        Column(
            "ITA shift either way, median",
            "face",
            "lower",
            "the size of the same shift, lighter or darker, median over the pictures",
            over_pictures(np.median, abs),
            name="absolute_ita_shift_median",
            unit="°",
            decimals=2,
            listed=False,
        ),
    ),
    Measure(
        "niqe_blocks",
        lambda seen: niqe_blocks(seen.image),
        Column(
            "NIQE of set",
            "naturalness",
            "lower",
            "the NIQE of all pictures together, for those too small for a NIQE of their own",
            niqe_of_set,
            name="set_niqe",
            decimals=2,
            plotted=True,
        ),
        kind="trait",
    ),
    Measure(
        "features",
        features,
        Column(
            "KD",
            "set",
            "lower",
            "kernel distance of the set of results to the set of sharp pictures, on EfficientNet-Lite0 features "
            "(KID is the same on Inception's, with other values), without the pairs that show the same person; it may "
            "fall below 0 by chance. Its interval is 1.96 standard errors to both sides",
            kd_of_set,
            name="kd",
            unit="1e-3",
            decimals=1,
            main=True,
        ),
        Column(
            "FD",
            "set",
            "lower",
            "Frechet distance of the same sets and features (not FID); it shrinks with more pictures, so it stands "
            "only where all methods have the same ones, and compares with sets of that number only",
            fd_of_set,
            name="fd",
            decimals=1,
        ),
        kind="trait",
    ),
    Measure(
        "converged",
        None,
        Column(
            "converged",
            "work",
            "higher",
            "share of the searches that reached their target",
            share_of_pictures,
            decimals=2,
        ),
        kind="truth",
    ),
)

COLUMNS = tuple(
    sorted(
        (column for measure in MEASURES for column in measure.columns),
        key=lambda column: (TOPICS.index(column.topic), not column.listed),
    )
)
"""All columns of the tables, in the order of the page."""
