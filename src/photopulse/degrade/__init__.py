"""What happens to a sharp face until it is the small one: corruptions, downscaling, and both as one known way."""

from photopulse.degrade.blur import Defocus, GaussianBlur, MotionBlur
from photopulse.degrade.corruptions import RECIPES, Corruption, Corruptions, folder_name, parse_corruptions
from photopulse.degrade.declared import Declared, parse_degradation
from photopulse.degrade.downscale import (
    DEGRADATION_NAMES,
    Bicubic,
    Bilinear,
    Box,
    Degradation,
    Lanczos,
    Nearest,
    make_degradation,
)
from photopulse.degrade.jpeg import Jpeg
from photopulse.degrade.kernels import MAX_KERNEL_BYTES, MAX_KERNEL_SIZE, CustomKernel, load_kernel
from photopulse.degrade.noise import ChromaNoise, GaussianNoise, SaltAndPepper
from photopulse.degrade.rescale import with_factor
from photopulse.degrade.residual import expected_error

__all__ = [
    "DEGRADATION_NAMES",
    "MAX_KERNEL_BYTES",
    "MAX_KERNEL_SIZE",
    "RECIPES",
    "Bicubic",
    "Bilinear",
    "Box",
    "ChromaNoise",
    "Corruption",
    "Corruptions",
    "CustomKernel",
    "Declared",
    "Defocus",
    "Degradation",
    "GaussianBlur",
    "GaussianNoise",
    "Jpeg",
    "Lanczos",
    "MotionBlur",
    "Nearest",
    "SaltAndPepper",
    "expected_error",
    "folder_name",
    "load_kernel",
    "make_degradation",
    "parse_corruptions",
    "parse_degradation",
    "with_factor",
]
