"""Settings of ``upscale_files``."""

from dataclasses import dataclass, field

from photopulse.provenance.signing import Signature
from photopulse.upscaling.upscale import UpscaleSettings


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """Settings for upscaling many files.

    Attributes:
        upscale: settings of the search for each face.
        count: number of results for each face.
        seed: random seed of the first result; result k has the seed ``seed + k``, k from 0.
        align_size: size in px to which the faces of photos are aligned first; None if the inputs are small faces.
        fit: whether inputs of an unsuitable size are cropped and downscaled; else they fail.
        batch_size: number of results that are searched at once; above 1, the last digits of a result depend on it.
        save_steps: whether each step of each search is written as a picture.
        gif: whether an animation of each search is written.
        signature: what the results are signed with; None for no signature.
        resume: whether results that an earlier run with the same settings finished are kept.
    """

    upscale: UpscaleSettings = field(default_factory=UpscaleSettings)
    count: int = 1
    seed: int = 0
    align_size: int | None = None
    fit: bool = False
    batch_size: int = 1
    save_steps: bool = False
    gif: bool = False
    signature: Signature | None = None
    resume: bool = True

    def __post_init__(self) -> None:
        if self.count < 1 or self.batch_size < 1:
            raise ValueError("count and batch_size must be at least 1")
        if self.fit and self.align_size is not None:
            raise ValueError("--align finds and shrinks faces itself: leave --fit out")
