"""Landmark heatmaps and part maps of a face, drawn from its mesh: the targets of FSRNet's geometry.

FSRNet (Chen et al., CVPR 2018, section 3.3) learns from 194 hand-set points and 11 hand-drawn parts of Helen; here
the 468-point mesh replaces both, so that any folder of faces is training data. Left and right are the
viewer's. Points are (x, y) in px, counted from the centre of the top left pixel.
"""

import cv2
import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Maps = npt.NDArray[np.float32]

# Mesh points, left ones first; entry i of the one list is the mirror image of entry i of the other.
_LEFT = (33, 133, 159, 145, 70, 105, 107, 98, 49, 61, 82, 84, 234, 172)
_RIGHT = (263, 362, 386, 374, 300, 334, 336, 327, 279, 291, 312, 314, 454, 397)
_MIDDLE = (168, 4, 2, 152)
LANDMARKS = (*_LEFT, *_RIGHT, *_MIDDLE)
MIRRORED_LANDMARKS = (*range(14, 28), *range(14), *range(28, 32))

_OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
_LEFT_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
_RIGHT_BROW = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
_LEFT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
_RIGHT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
_NOSE = (168, 122, 196, 174, 198, 49, 48, 64, 98, 97, 2, 326, 327, 294, 278, 279, 420, 399, 419, 351)
_LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
_MOUTH = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
PARTS = (_OVAL, _LEFT_BROW, _RIGHT_BROW, _LEFT_EYE, _RIGHT_EYE, _NOSE, _LIPS, _MOUTH)
MIRRORED_PARTS = (0, 2, 1, 4, 3, 5, 6, 7)

# Polygons are drawn with corners to 1/16 px.
_FRACTION_BITS = 4


def draw_landmarks(points: Points, size: int, *, deviation: float = 1.0) -> Maps:
    """Draws a Gaussian of height 1 at each of the 32 landmarks.

    Args:
        points: of the mesh (468, 2), in px of the map.
        size: height and width of the maps.
        deviation: of the Gaussians in px.

    Returns:
        (32, size, size); a landmark outside of the map leaves it (nearly) black.
    """
    grid = np.arange(size)
    x, y = (
        np.exp(-((grid - points[LANDMARKS, axis, None]) ** 2) / (2 * deviation**2)).astype(np.float32)
        for axis in (0, 1)
    )
    return y[:, :, None] * x[:, None, :]


def draw_parts(points: Points, size: int) -> Maps:
    """Fills the polygons of skin, brows, eyes, nose, lips and open mouth with 1.

    Args:
        points: of the mesh (468, 2), in px of the map.
        size: height and width of the maps.

    Returns:
        (8, size, size) of 0 and 1. The parts overlap: skin is everything within the face's oval.
    """
    corners = np.round(points * 2**_FRACTION_BITS).astype(np.int32)
    maps = np.zeros((len(PARTS), size, size), dtype=np.float32)
    for part, polygon in zip(maps, PARTS, strict=True):
        cv2.fillPoly(part, [corners[list(polygon)]], 1.0, shift=_FRACTION_BITS)
    return maps
