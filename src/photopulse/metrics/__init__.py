"""Image quality measures: fidelity to the input, distance to the original, naturalness, sharpness. One per file."""

from photopulse.metrics.consistency import downscale_mse
from photopulse.metrics.diversity import diversity
from photopulse.metrics.features import load_features
from photopulse.metrics.frechet import frechet_distance
from photopulse.metrics.identity import identity_distance, identity_similarity, load_identity
from photopulse.metrics.kid import kernel_distance
from photopulse.metrics.lpips import load_lpips
from photopulse.metrics.luma import byte_luma, luma
from photopulse.metrics.niqe import niqe, niqe_features, niqe_score
from photopulse.metrics.perceptual import perceptual_distance
from photopulse.metrics.psnr import psnr, psnr_y
from photopulse.metrics.sharpness import sharpness
from photopulse.metrics.ssim import ssim

__all__ = [
    "byte_luma",
    "diversity",
    "downscale_mse",
    "frechet_distance",
    "identity_distance",
    "identity_similarity",
    "kernel_distance",
    "load_features",
    "load_identity",
    "load_lpips",
    "luma",
    "niqe",
    "niqe_features",
    "niqe_score",
    "perceptual_distance",
    "psnr",
    "psnr_y",
    "sharpness",
    "ssim",
]
