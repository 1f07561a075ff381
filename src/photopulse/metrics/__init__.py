"""How good a result is: faithful to the small image, close to the true one, natural, sharp. One measure a file."""

from photopulse.metrics.consistency import downscale_mse, in_units_of_1e5
from photopulse.metrics.luma import byte_luma, luma
from photopulse.metrics.niqe import niqe, niqe_features, niqe_score
from photopulse.metrics.psnr import psnr, psnr_y
from photopulse.metrics.sharpness import sharpness
from photopulse.metrics.ssim import ssim

__all__ = [
    "byte_luma",
    "downscale_mse",
    "in_units_of_1e5",
    "luma",
    "niqe",
    "niqe_features",
    "niqe_score",
    "psnr",
    "psnr_y",
    "sharpness",
    "ssim",
]
