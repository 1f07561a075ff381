"""From a photo to small aligned faces, as the search wants them."""

from pathlib import Path

from torch import Tensor

from photopulse.degrade import Bicubic
from photopulse.errors import PhotopulseError
from photopulse.faces.align import AlignedFace, Alignment, align_faces
from photopulse.faces.detect import FaceDetector
from photopulse.pipeline.inputs import ImageLike, read_pixels


def align(
    photo: ImageLike, *, size: int = 32, detector: FaceDetector | None = None, padding: bool = True
) -> list[AlignedFace]:
    """Finds all faces of a photo, crops each as FFHQ does and downscales it, the largest face first.

    Args:
        photo: a picture file, or pixels (1, 3, H, W) in [0, 1].
        size: height and width of each result; 1024 or 0 keep the full crop. It must divide 1024.
        detector: from ``FaceDetector.load``; made anew if None.
        padding: continue a photo that ends within the crop by a blurred mirror image; black otherwise.

    Raises:
        PhotopulseError: if the picture cannot be read, or no face is found.
        ValueError: if the size does not divide 1024.
    """
    if size < 0 or (size > 0 and 1024 % size):
        raise ValueError(f"size must divide 1024, or be 0 for the full crop, but is {size}")
    pixels = photo if isinstance(photo, Tensor) else read_pixels(Path(photo))
    faces = align_faces(pixels, detector or FaceDetector.load(), padding=padding)
    if not faces:
        name = "the given picture" if isinstance(photo, Tensor) else str(photo)
        raise PhotopulseError(
            f"cannot align {name}",
            why="no face was found in it",
            fix="crop the photo closer to the face; a face that is already cropped needs no alignment",
        )
    return faces if size in (0, 1024) else [_shrunk(face, size) for face in faces]


def _shrunk(face: AlignedFace, size: int) -> AlignedFace:
    image = Bicubic(face.image.shape[-1] // size)(face.image).clamp(0, 1)
    alignment = Alignment(quad=face.alignment.quad, size=size, padding=face.alignment.padding)
    return AlignedFace(face=face.face, mesh=face.mesh, alignment=alignment, image=image)
