"""Folders of aligned faces as training data: their meshes, and random crops of them."""

import math
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from photopulse.errors import PhotopulseError
from photopulse.faces.detect import FaceDetector
from photopulse.files import atomic_path
from photopulse.images import from_uint8, read_image, to_uint8
from photopulse.training.file_keys import file_key
from photopulse.training.fsrnet.face_parts import Points

Pixels = npt.NDArray[np.uint8]

# Smaller faces would be enlarged in the crops, and the network would learn to blur.
LEAST_SIDE = 256


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingFace:
    """A file with one FFHQ-aligned face, and the points (468, 2) of its mesh as fractions of the side, 0..1."""

    file: Path
    points: Points


@dataclass(frozen=True, kw_only=True)
class CropSettings:
    """How faces are cropped at random: as in the usual crops of CelebA and of Helen, which differ, and between them.

    All lengths are fractions of the crop's side.

    Attributes:
        size: height and width of the crops in px.
        least_square: smallest side of the face's FFHQ square.
        most_square: largest side of the face's FFHQ square.
        middle: mean x of the square's centre.
        height_at_one: mean y of the square's centre, if its side is 1.
        height_slope: change of that y per unit of the side; larger squares lie higher.
        scatter: standard deviations of x and y of the centre.
        turn: standard deviation of the angle in degrees.
        gain: standard deviation of the logarithm of each colour channel's gain.
        gamma: standard deviation of the logarithm of gamma.
        gray: share of gray crops.
    """

    size: int = 128
    least_square: float = 0.95
    most_square: float = 1.65
    middle: float = 0.49
    height_at_one: float = 0.43
    height_slope: float = -0.275
    scatter: tuple[float, float] = (0.035, 0.02)
    turn: float = 6.0
    gain: float = 0.08
    gamma: float = 0.15
    gray: float = 0.04


def find_meshes(files: Sequence[Path], cache: Path) -> Iterator[TrainingFace | None]:
    """Finds the mesh of the face in each file, FFHQ-aligned; yields None for a file without a face.

    The meshes are stored in ``cache`` (.npz), so that the next run starts at once, even if this one is interrupted.

    Raises:
        PhotopulseError: if a file cannot be read, is not square or has less than 256 px.
    """
    # Begin with the meshes of earlier runs.
    known = _read_meshes(cache)
    detector = None
    new = False
    try:
        # Find the missing ones; the detector is loaded only if there are any.
        for file in files:
            key = file_key(file)
            if key not in known:
                detector = detector or FaceDetector.load()
                known[key], new = _mesh_of(file, detector), True
            yield TrainingFace(file=file, points=known[key]) if len(known[key]) else None
    finally:
        # Store them, even if the run is interrupted.
        if new:
            _write_meshes(cache, known)


def _read_meshes(cache: Path) -> dict[str, Points]:
    try:
        with np.load(cache, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        # There is no cache yet, or it is damaged: it is made anew.
        return {}


def _write_meshes(cache: Path, meshes: dict[str, Points]) -> None:
    with atomic_path(cache) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **meshes)  # pyright: ignore[reportArgumentType]


def _mesh_of(file: Path, detector: FaceDetector) -> Points:
    pixels = read_image(file).pixels
    height, width = pixels.shape[-2:]
    if height != width or width < LEAST_SIDE:
        raise PhotopulseError(
            f"cannot train on {file}",
            why=f"it has {width} x {height} pixels; aligned faces are square and have {LEAST_SIDE} or more",
            fix="align the photos first, with `photopulse align PHOTOS -o FACES --size 256`",
        )
    faces = detector.detect(pixels)
    if not faces:
        return np.zeros((0, 2))
    return (detector.mesher.face_mesh(pixels, faces[0]).points[:, :2] + 0.5) / width


def random_crop(face: TrainingFace, settings: CropSettings, random: np.random.Generator) -> tuple[Pixels, Points, bool]:
    """Crops, turns, mirrors and recolours a face at random.

    Returns:
        RGB pixels (size, size, 3), the mesh points in px of the crop, and whether both are mirrored.
    """
    pixels = to_uint8(read_image(face.file).pixels)
    mirrored = bool(random.random() < 0.5)
    to_crop = _place(settings, random)
    # Twice as fine as wanted, then halved by area: no aliasing down to a quarter of the file's size.
    fine = 2 * settings.size
    matrix = to_crop * (fine / pixels.shape[1])
    matrix[:, 2] = to_crop[:, 2] * fine + matrix[:, :2] @ (0.5, 0.5) - 0.5
    warped = cv2.warpAffine(pixels, matrix, (fine, fine), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    crop = cast(Pixels, cv2.resize(warped, (settings.size, settings.size), interpolation=cv2.INTER_AREA))
    points = (face.points @ to_crop[:, :2].T + to_crop[:, 2]) * settings.size - 0.5
    if mirrored:
        crop = np.ascontiguousarray(crop[:, ::-1])
        points = points * (-1, 1) + (settings.size - 1, 0)
    return _coloured(crop, settings, random), points, mirrored


def _place(settings: CropSettings, random: np.random.Generator) -> Points:
    """Draws the matrix (2, 3) from fractions of the FFHQ square to fractions of the crop."""
    side = random.uniform(settings.least_square, settings.most_square)
    middle = np.array([settings.middle, settings.height_at_one + settings.height_slope * (side - 1)])
    middle = middle + random.normal(0, settings.scatter)
    angle = math.radians(random.normal(0, settings.turn))
    turn = side * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.concatenate([turn, (middle - turn @ (0.5, 0.5))[:, None]], axis=1)


def _coloured(crop: Pixels, settings: CropSettings, random: np.random.Generator) -> Pixels:
    gain = np.exp(random.normal(0, settings.gain, 3))
    gamma = math.exp(random.normal(0, settings.gamma))
    values = from_uint8(crop)[0].permute(1, 2, 0).numpy()
    if random.random() < settings.gray:
        values = values.mean(axis=2, keepdims=True).repeat(3, axis=2)
        gain = gain[:1]
    return np.round(np.clip(values**gamma * gain, 0, 1) * 255).astype(np.uint8)
