"""The stories of photopulse from end to end: a small face becomes a large one, an old photo a clean one."""

from photopulse.pipeline.align import align, check_size
from photopulse.pipeline.inputs import fit_target, listed, read_target, target_sizes
from photopulse.pipeline.restore import RestoredPhoto, restore_photo
from photopulse.pipeline.restore_kit import RestoreKit
from photopulse.pipeline.restore_settings import RestoreSettings
from photopulse.pipeline.upscale import UpscaledFace, UpscaleSettings, check_settings, run_search, upscale

__all__ = [
    "RestoreKit",
    "RestoreSettings",
    "RestoredPhoto",
    "UpscaleSettings",
    "UpscaledFace",
    "align",
    "check_settings",
    "check_size",
    "fit_target",
    "listed",
    "read_target",
    "restore_photo",
    "run_search",
    "target_sizes",
    "upscale",
]
