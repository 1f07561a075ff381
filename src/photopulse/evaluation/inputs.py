"""What all methods are given: sharp aligned faces, and the same made small under each condition."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from photopulse.degrade import Corruptions, folder_name, make_degradation
from photopulse.errors import PhotopulseError
from photopulse.evaluation.settings import EvaluateSettings
from photopulse.faces.detect import FaceDetector
from photopulse.images import read_image, write_image
from photopulse.images.given import read_pixels
from photopulse.runs.failures import FAILURES, reason
from photopulse.runs.keys import key
from photopulse.runs.names import canonical, refuse_to_overwrite, unique_stems
from photopulse.runs.sidecar import read_sidecar, write_sidecar
from photopulse.upscaling.align import align


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One photo of the folder.

    Attributes:
        image: its name in the tables.
        sharp: the aligned face, a PNG file.
        smalls: the small face under each condition, by the condition's name.
        error: why it has none of them.
        resumed: an earlier run made all of them.
    """

    image: str
    sharp: Path
    smalls: dict[str, Path]
    error: str | None = None
    resumed: bool = False


def make_inputs(
    files: Sequence[Path],
    mirrored: Sequence[Path],
    folder: Path,
    settings: EvaluateSettings,
    detector: FaceDetector | None,
) -> Iterator[Subject]:
    """Writes ``folder/sharp/<stem>.png`` and ``folder/<condition>/small/<stem>.png`` of each photo.

    The largest face of a photo counts. A photo that fails stops no other. The stems of photos below the folders
    ``mirrored`` begin with their subfolders.
    """
    inputs = {canonical(file) for file in files}
    for source, stem in zip(files, unique_stems(files, mirrored), strict=True):
        sharp = folder / "sharp" / f"{stem}.png"
        smalls = {c.name: folder / folder_name(c) / "small" / f"{stem}.png" for c in settings.conditions}
        try:
            refuse_to_overwrite(sharp, inputs)
            made = _make_sharp(source, sharp, settings, detector)
            for condition in settings.conditions:
                made |= _make_small(sharp, smalls[condition.name], condition, settings)
        except FAILURES as error:
            yield Subject(image=stem, sharp=sharp, smalls={}, error=reason(error))
        else:
            yield Subject(image=stem, sharp=sharp, smalls=smalls, resumed=not made)


def _make_sharp(source: Path, sharp: Path, settings: EvaluateSettings, detector: FaceDetector | None) -> bool:
    """Writes the aligned face; returns False if an earlier run did."""
    try:
        sharp_key = key("sharp", settings.aligned, source)
    except OSError as error:
        why = error.strerror or str(error)
        raise PhotopulseError(f"cannot read {source}", why=why, fix="check the path and its permissions") from error
    sidecar = sharp.with_suffix(".json")
    earlier = read_sidecar(sidecar, sharp_key) if settings.resume and sharp.is_file() else None
    if earlier is not None:
        _check_sides(source, earlier["size"], settings)
        return False
    if settings.aligned:
        _, pixels = read_pixels(source)
    else:
        pixels = align(source, size=0, detector=detector)[0].image
    size = (pixels.shape[-1], pixels.shape[-2])
    _check_sides(source, size, settings)
    sidecar.unlink(missing_ok=True)
    write_image(sharp, pixels)
    write_sidecar(sidecar, sharp_key, {"size": size})
    return True


def _check_sides(source: Path, size: Sequence[int], settings: EvaluateSettings) -> None:
    width, height = size
    if height != width or any(height % side for side in settings.sizes):
        sizes = " and ".join(map(str, settings.sizes))
        raise PhotopulseError(
            f"cannot measure against {source}",
            why=f"it has {width} x {height} px, and results of {sizes} px need a square that they divide",
            fix="leave --aligned out to have the face found and cropped, or choose another --size",
        )


def _make_small(sharp: Path, small: Path, condition: Corruptions, settings: EvaluateSettings) -> bool:
    """Corrupts the sharp face and makes it small, in 8 bits as a user would have it; False if it is there."""
    seed = picture_seed(sharp.stem, settings.seed)
    small_key = key("small", condition.name, settings.degradation, settings.small, seed, sharp)
    sidecar = small.with_suffix(".json")
    if settings.resume and small.is_file() and read_sidecar(sidecar, small_key):
        return False
    pixels = corrupted(sharp, condition, settings.seed)
    degrade = make_degradation(settings.degradation, factor=pixels.shape[-1] // settings.small)
    sidecar.unlink(missing_ok=True)
    write_image(small, degrade(pixels))
    write_sidecar(sidecar, small_key, {"condition": condition.name})
    return True


def corrupted(sharp: Path, condition: Corruptions, seed: int) -> Tensor:
    """Spoils a sharp face (1, 3, S, S), in [0, 1], as it was before it became small."""
    random = torch.Generator().manual_seed(picture_seed(sharp.stem, seed))
    return condition(read_image(sharp).pixels, random).clamp(0, 1)


def picture_seed(image: str, seed: int) -> int:
    """Derives a seed below 2**63 from a picture's name: its noise is the same in every run and folder."""
    digest = hashlib.sha256(f"{seed} {image}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") >> 1
