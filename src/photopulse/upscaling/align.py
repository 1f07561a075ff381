"""Aligns the faces of a photo and downscales them to inputs of the search."""

from photopulse.degrade import Bicubic
from photopulse.errors import PhotopulseError
from photopulse.faces.align import AlignedFace, Alignment, align_faces
from photopulse.faces.detect import FaceDetector
from photopulse.images.given import ImageLike, read_pixels

FULL_SIZE = 1024


def align(
    photo: ImageLike, *, size: int = 32, detector: FaceDetector | None = None, padding: bool = True
) -> list[AlignedFace]:
    """Finds all faces of a photo, crops each as FFHQ does and downscales it, the largest face first.

    Args:
        photo: a path, bytes, an open file, a PIL image, or pixels in an array or a tensor, see ``ImageLike``.
        size: height and width of each result; 1024 or 0 keep the full crop. It must divide 1024.
        detector: face detector from ``FaceDetector.load``; loaded on each call if None.
        padding: whether a crop that reaches beyond the photo is filled with a blurred mirror image, or else with black.

    Raises:
        PhotopulseError: if the size does not divide 1024, the picture cannot be read, or no face is found.
        ValueError: if given pixels have another shape, type or range than those of ``ImageLike``.
    """
    check_size(size)
    name, pixels = read_pixels(photo)
    faces = align_faces(pixels, detector or FaceDetector.load(), padding=padding)
    if not faces:
        raise PhotopulseError(
            f"cannot align {name}",
            why="no face was found in it",
            fix="crop the photo closer to the face; a face that is already cropped needs no alignment",
        )
    return faces if size in (0, FULL_SIZE) else [_shrunk(face, size) for face in faces]


def check_size(size: int) -> None:
    """Checks that faces can be aligned to ``size`` px, and raises PhotopulseError if not."""
    if size < 0 or (size > 0 and FULL_SIZE % size):
        raise PhotopulseError(
            f"cannot align to {size} px",
            why=f"the size must divide {FULL_SIZE}",
            fix=f"choose for example 16, 32 or 64, or 0 for the full crop of {FULL_SIZE}",
        )


def _shrunk(face: AlignedFace, size: int) -> AlignedFace:
    image = Bicubic(face.image.shape[-1] // size)(face.image).clamp(0, 1)
    alignment = Alignment(quad=face.alignment.quad, size=size, padding=face.alignment.padding)
    return AlignedFace(face=face.face, mesh=face.mesh, alignment=alignment, image=image)
