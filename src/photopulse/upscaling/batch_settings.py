"""How a folder of faces is worked through."""

from dataclasses import dataclass, field

from photopulse.upscaling.upscale import UpscaleSettings


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """How a folder of faces is worked through.

    Attributes:
        upscale: of each face.
        count: answers for each face.
        seed: of the first answer; answer k has the seed ``seed + k``.
        align_size: the inputs are photos: align their faces to this size first; None for small faces.
        fit: crop and shrink inputs whose size does not fit.
        batch_size: faces that are searched at once.
        save_steps: write each step of each search as a picture.
        gif: write an animation of each search.
        resume: keep what an earlier run with the same settings finished.
    """

    upscale: UpscaleSettings = field(default_factory=UpscaleSettings)
    count: int = 1
    seed: int = 0
    align_size: int | None = None
    fit: bool = False
    batch_size: int = 1
    save_steps: bool = False
    gif: bool = False
    resume: bool = True

    def __post_init__(self) -> None:
        if self.count < 1 or self.batch_size < 1:
            raise ValueError("count and batch_size must be at least 1")
        if self.fit and self.align_size is not None:
            raise ValueError("--align finds and shrinks faces itself: leave --fit out")

    @property
    def together(self) -> int:
        """Answers that are searched at once."""
        return max(self.batch_size, min(self.count, self.upscale.together))
