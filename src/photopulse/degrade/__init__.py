"""How sharp pictures are degraded: downscaling, corruptions, both as one known degradation, and random damage."""

from photopulse.degrade.blur import Defocus, GaussianBlur, MotionBlur
from photopulse.degrade.corruption import Corruption
from photopulse.degrade.corruptions import RECIPES, Corruptions, folder_name, parse_corruptions
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
from photopulse.degrade.kernels import CustomKernel, load_kernel
from photopulse.degrade.mosaic import Mosaic
from photopulse.degrade.noise import ChromaNoise, GaussianNoise, SaltAndPepper
from photopulse.degrade.photo import LEVELS, TRAINING, Amount, Damage, DamageRecipe

__all__ = [
    "DEGRADATION_NAMES",
    "LEVELS",
    "RECIPES",
    "TRAINING",
    "Amount",
    "Bicubic",
    "Bilinear",
    "Box",
    "ChromaNoise",
    "Corruption",
    "Corruptions",
    "CustomKernel",
    "Damage",
    "DamageRecipe",
    "Declared",
    "Defocus",
    "Degradation",
    "GaussianBlur",
    "GaussianNoise",
    "Jpeg",
    "Lanczos",
    "Mosaic",
    "MotionBlur",
    "Nearest",
    "SaltAndPepper",
    "folder_name",
    "load_kernel",
    "make_degradation",
    "parse_corruptions",
    "parse_degradation",
]
