"""The stories of photopulse from end to end: a photo becomes aligned faces, a small face a large one."""

from photopulse.pipeline.align import align, check_size
from photopulse.pipeline.inputs import fit_target, listed, read_target, target_sizes
from photopulse.pipeline.upscale import UpscaledFace, UpscaleSettings, check_settings, run_search, upscale

__all__ = [
    "UpscaleSettings",
    "UpscaledFace",
    "align",
    "check_settings",
    "check_size",
    "fit_target",
    "listed",
    "read_target",
    "run_search",
    "target_sizes",
    "upscale",
]
