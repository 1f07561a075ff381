"""Writes the steps of a search as pictures: numbered files, or one animation."""

from pathlib import Path

import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from photopulse.files import atomic_path
from photopulse.images import to_uint8, write_image

_STEP_FILES = "step_*.png"
_GIF_SIDE = 256
_GIF_MILLISECONDS = 80
_LAST_FRAME_MILLISECONDS = 2000


class StepRecorder:
    """Records the picture of each step of a search.

    Args:
        folder: folder of ``step_0001.png`` ... in full size, which replace those of an earlier search; None for none.
        gif: file of an animation of 256 px that ends with the best image; None for none.
    """

    def __init__(self, *, folder: Path | None = None, gif: Path | None = None) -> None:
        self.folder = folder
        self.gif = gif
        self._frames: list[Image.Image] = []

    @property
    def is_written(self) -> bool:
        """Whether every file that a search would record already exists."""
        steps_there = self.folder is None or any(self.folder.glob(_STEP_FILES))
        return steps_there and (self.gif is None or self.gif.is_file())

    def add(self, step: int, image: Tensor) -> None:
        """Records the image (1, 3, H, W) of one step, counted from 1."""
        if self.folder is not None:
            if step == 1:
                for old in self.folder.glob(_STEP_FILES):
                    old.unlink()
            write_image(self.folder / f"step_{step:04d}.png", image.cpu())
        if self.gif is not None:
            self._frames.append(_small_frame(image))

    def finish(self, best: Tensor) -> None:
        """Writes the animation, ending with the best image (1, 3, H, W)."""
        if self.gif is None:
            return
        frames = [*self._frames, _small_frame(best)]
        durations = [_GIF_MILLISECONDS] * len(self._frames) + [_LAST_FRAME_MILLISECONDS]
        with atomic_path(self.gif) as temporary:
            frames[0].save(temporary, format="GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)


def _small_frame(image: Tensor) -> Image.Image:
    side = min(_GIF_SIDE, image.shape[-1])
    small = F.interpolate(image.float().cpu(), size=(side, side), mode="area")
    return Image.fromarray(to_uint8(small)).quantize(256, dither=Image.Dither.NONE)
