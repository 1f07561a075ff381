"""What happens to a sharp face until it is the small one: corruptions at full size, then downscaling."""

from photopulse.degrade.blur import Defocus, GaussianBlur, MotionBlur
from photopulse.degrade.corruptions import RECIPES, Corruption, Corruptions, folder_name, parse_corruptions
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
    "Defocus",
    "Degradation",
    "GaussianBlur",
    "GaussianNoise",
    "Jpeg",
    "Lanczos",
    "MotionBlur",
    "Nearest",
    "SaltAndPepper",
    "folder_name",
    "load_kernel",
    "make_degradation",
    "parse_corruptions",
]
