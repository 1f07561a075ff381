"""The stories of photopulse from end to end: a photo becomes aligned faces, a small face a large one."""

from photopulse.pipeline.align import align
from photopulse.pipeline.inputs import fit_target, read_target
from photopulse.pipeline.upscale import UpscaledFace, UpscaleSettings, run_search, upscale

__all__ = ["UpscaleSettings", "UpscaledFace", "align", "fit_target", "read_target", "run_search", "upscale"]
