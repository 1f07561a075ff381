"""Pictures of an audit: sharp faces from photos, their meshes, and the comparison pictures."""

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.errors import PhotopulseError
from photopulse.faces.detect import FaceDetector, find_mesh
from photopulse.faces.mesh import FaceMesh
from photopulse.images import synthetic_metadata, write_image
from photopulse.images.given import read_pixels
from photopulse.upscaling.align import align
from photopulse.upscaling.upscale import UpscaledFace

VIEW_SIDE = 256


def largest_face(source: Path, detector: FaceDetector) -> tuple[Tensor, FaceMesh]:
    """Crops the largest face of a photo as in FFHQ: (1, 3, 1024, 1024) in [0, 1], and its mesh in px of the crop.

    Raises:
        PhotopulseError: if the photo cannot be read or has no face.
    """
    face = align(source, size=0, detector=detector)[0]
    points = face.mesh.points.copy()
    points[:, :2] = face.alignment.to_crop(points[:, :2])
    return face.image.clamp(0, 1), replace(face.mesh, points=points)


def cropped_face(source: Path, detector: FaceDetector, *, multiple_of: int) -> tuple[Tensor, FaceMesh]:
    """Reads a face that is already cropped: (1, 3, S, S) in [0, 1], and its mesh in px of the crop.

    Raises:
        PhotopulseError: if the picture cannot be read, has no face, or is no square whose side is a multiple of
            ``multiple_of`` and larger than that.
    """
    image = square_picture(source, multiple_of=multiple_of)
    # Its mesh.
    mesh = find_mesh(image, detector)
    if mesh is None:
        raise PhotopulseError(
            f"cannot audit {source}",
            why="no face was found in it",
            fix="check the picture, or audit pictures of other things with --no-faces",
        )
    return image, mesh


def square_picture(source: Path, *, multiple_of: int) -> Tensor:
    """Reads a square picture: (1, 3, S, S) in [0, 1].

    Raises:
        PhotopulseError: if it cannot be read, or is no square whose side is a multiple of ``multiple_of`` and larger.
    """
    name, image = read_pixels(source)
    height, width = image.shape[-2:]
    if height != width or height <= multiple_of or height % multiple_of:
        raise PhotopulseError(
            f"cannot audit {name}",
            why=f"it has {width} x {height} pixels, and a cropped picture is a square whose side is a multiple of "
            f"{multiple_of}",
            fix="leave out --aligned, so that a face is found and cropped, or make crops with `photopulse crop`",
        )
    return image


def small_view(image: Tensor) -> Tensor:
    """Resizes an image (1, 3, H, W) for a comparison picture: (1, 3, 256, 256) in [0, 1]."""
    view = F.interpolate(image, size=(VIEW_SIDE, VIEW_SIDE), mode="bicubic", antialias=True)
    return view.clamp(0, 1)


def write_views(path: Path, original: Tensor, target: Tensor, face: UpscaledFace, *, source: str) -> None:
    """Writes original (a ``small_view``), input and result side by side, with metadata that marks it as synthetic."""
    views = (original, F.interpolate(target, size=(VIEW_SIDE, VIEW_SIDE), mode="nearest"), small_view(face.image))
    metadata = synthetic_metadata(
        generator=face.generator,
        seed=face.seed,
        version=version("photopulse"),
        method=face.method,
        source=source,
    )
    write_image(path, torch.cat(views, dim=3), metadata=metadata)
