"""The mean opinion scores of PULSE's paper (Menon et al., CVPR 2020, table 1), to be printed beside a study's own."""

from collections.abc import Mapping

PAPER: Mapping[str, float] = {
    "original": 3.74,
    "nearest": 1.01,
    "bicubic": 1.34,
    "fsrnet": 2.77,
    "fsrgan": 2.92,
    "pulse": 3.60,
}
"""Scores at 128 px (8x) by the names of our methods: 40 raters of Amazon Mechanical Turk, 240 pictures of CelebA-HQ."""
