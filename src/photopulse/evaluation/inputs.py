"""Makes the inputs of all methods: faces downscaled under each condition, or photos damaged at each level."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from photopulse.degrade import LEVELS, Corruptions, folder_name, make_degradation, parse_corruptions
from photopulse.errors import PhotopulseError, file_errors
from photopulse.evaluation.measuring import SMALLEST_SIZE
from photopulse.evaluation.method import Size
from photopulse.evaluation.places import FacePlace, find_face
from photopulse.evaluation.settings import EvaluateSettings
from photopulse.faces.detect import FaceDetector
from photopulse.images import read_image, write_image
from photopulse.images.given import read_pixels
from photopulse.runs.failures import FAILURES, reason
from photopulse.runs.fields import from_fields
from photopulse.runs.keys import key
from photopulse.runs.names import canonical, refuse_to_overwrite, unique_stems
from photopulse.runs.sidecar import read_sidecar, write_sidecar
from photopulse.upscaling.align import align


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One photo, with its original and its inputs.

    Attributes:
        image: name of the picture in rows and tables.
        sharp: PNG file of the original: the aligned face, or the whole photo.
        given: files of the inputs, by the name of the condition.
        size: width and height of the original in px.
        face: place of the largest face of a photo; None if there is none, and for aligned faces.
        error: reason for which the photo failed; None if it did not.
        resumed: whether an earlier run made the original and all inputs.
    """

    image: str
    sharp: Path
    given: dict[str, Path] = field(default_factory=dict[str, Path])
    size: Size = (0, 0)
    face: FacePlace | None = None
    error: str | None = None
    resumed: bool = False


@dataclass(frozen=True, kw_only=True)
class _Sharp:
    """Content of the sidecar of an original."""

    size: Size
    face: FacePlace | None = None


def make_inputs(
    files: Sequence[Path],
    mirrored: Sequence[Path],
    folder: Path,
    settings: EvaluateSettings,
    detector: FaceDetector | None,
) -> Iterator[Subject]:
    """Writes each original as ``folder/sharp/<stem>.png`` and its inputs below the folder of each condition.

    The input is ``small/<stem>.png`` for a face, and ``damaged/<stem>.png`` for a photo that is to be restored. The
    largest face of a photo is used. A photo that fails yields a subject with an error, and the others continue. The
    stems of photos below the folders ``mirrored`` begin with their subfolders.
    """
    inputs = {canonical(file) for file in files}
    for source, stem in zip(files, unique_stems(files, mirrored), strict=True):
        sharp = folder / "sharp" / f"{stem}.png"
        given = {name: folder / place / f"{stem}.png" for name, place in _places(settings).items()}
        # The original first, then the input of each condition.
        try:
            refuse_to_overwrite(sharp, inputs)
            told, made = _make_sharp(source, sharp, settings, detector)
            for name, path in given.items():
                made |= _make_given(sharp, path, name, settings)
        except FAILURES as error:
            yield Subject(image=stem, sharp=sharp, error=reason(error))
        else:
            yield Subject(image=stem, sharp=sharp, given=given, size=told.size, face=told.face, resumed=not made)


def _places(settings: EvaluateSettings) -> dict[str, str]:
    """Returns the folders of the inputs, by the name of the condition."""
    if settings.restore:
        return {level: f"{level}/damaged" for level in settings.restore}
    return {condition.name: f"{folder_name(condition)}/small" for condition in settings.conditions}


def _make_sharp(
    source: Path, sharp: Path, settings: EvaluateSettings, detector: FaceDetector | None
) -> tuple[_Sharp, bool]:
    """Writes the original; returns its record and whether it was written now, not by an earlier run."""
    # Keep the original of an earlier run.
    kind = ("photo", settings.faces) if settings.restore else ("sharp", settings.aligned)
    with file_errors(f"cannot read {source}", fix="check the path and its permissions"):
        sharp_key = key(*kind, source)
    sidecar = sharp.with_suffix(".json")
    earlier = _remembered(sidecar, sharp_key) if settings.resume and sharp.is_file() else None
    if earlier is not None:
        _check_size(source, earlier.size, settings)
        return earlier, False
    # Read or align it, and find the face of a photo.
    if settings.aligned or settings.restore:
        _, pixels = read_pixels(source)
    else:
        pixels = align(source, size=0, detector=detector)[0].image
    size = (pixels.shape[-1], pixels.shape[-2])
    _check_size(source, size, settings)
    looked_at = detector if settings.restore else None
    told = _Sharp(size=size, face=None if looked_at is None else find_face(pixels, looked_at, least=SMALLEST_SIZE))
    sidecar.unlink(missing_ok=True)
    write_image(sharp, pixels)
    write_sidecar(sidecar, sharp_key, asdict(told) if settings.restore else {"size": size})
    return told, True


def _remembered(sidecar: Path, sharp_key: str) -> _Sharp | None:
    content = read_sidecar(sidecar, sharp_key)
    try:
        return None if content is None else from_fields(_Sharp, content)
    except TypeError:  # The sidecar is damaged, so the picture is made again.
        return None


def _check_size(source: Path, size: Size, settings: EvaluateSettings) -> None:
    width, height = size
    if settings.restore:
        if min(size) < SMALLEST_SIZE:
            why = f"it has {width} x {height} px, and measures need {SMALLEST_SIZE} in both directions"
            raise PhotopulseError(f"cannot measure against {source}", why=why, fix="take a larger photo")
    elif height != width or any(height % side for side in settings.sizes):
        sizes = " and ".join(map(str, settings.sizes))
        raise PhotopulseError(
            f"cannot measure against {source}",
            why=f"it has {width} x {height} px, and results of {sizes} px need a square that they divide",
            fix="leave --aligned out to have the face found and cropped, or choose another --size",
        )


def _make_given(sharp: Path, given: Path, condition: str, settings: EvaluateSettings) -> bool:
    """Writes the input that is made from an original, with 8 bits as users have it; False if an earlier run did."""
    # Keep the input of an earlier run.
    if settings.restore:
        given_key = key("damaged", condition, settings.seed, sharp.stem, sharp)
    else:
        seed = picture_seed(sharp.stem, settings.seed)
        given_key = key("small", condition, settings.degradation, settings.small, seed, sharp)
    sidecar = given.with_suffix(".json")
    if settings.resume and given.is_file() and read_sidecar(sidecar, given_key):
        return False
    # Damage or downscale the original.
    if settings.restore:
        pixels, told = damaged(sharp, condition, settings.seed)
    else:
        pixels, told = _made_small(sharp, condition, settings), condition
    sidecar.unlink(missing_ok=True)
    write_image(given, pixels)
    write_sidecar(sidecar, given_key, {"condition": told})
    return True


def _made_small(sharp: Path, condition: str, settings: EvaluateSettings) -> Tensor:
    pixels = corrupted(sharp, parse_corruptions(condition), settings.seed)
    return make_degradation(settings.degradation, factor=pixels.shape[-1] // settings.small)(pixels)


def damaged(sharp: Path, level: str, seed: int) -> tuple[Tensor, str]:
    """Damages and downscales an original; returns (1, 3, h, w) and the name of the damage.

    The photo's name, the level and the seed determine the damage.
    """
    random = torch.Generator().manual_seed(picture_seed(f"{level} {sharp.stem}", seed))
    damage = LEVELS[level].draw(random)
    return damage(read_image(sharp).pixels, random), damage.name


def corrupted(sharp: Path, condition: Corruptions, seed: int) -> Tensor:
    """Returns the corrupted original (1, 3, S, S) in [0, 1], as it is before downscaling."""
    random = torch.Generator().manual_seed(picture_seed(sharp.stem, seed))
    return condition(read_image(sharp).pixels, random).clamp(0, 1)


def picture_seed(image: str, seed: int) -> int:
    """Returns a seed below 2**63 that depends on the picture's name and ``seed`` only, not on run or folder."""
    digest = hashlib.sha256(f"{seed} {image}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") >> 1
