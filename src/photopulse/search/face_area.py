"""Where the face lies in an FFHQ-aligned picture: weights for errors, and means over the face."""

import torch
from torch import Tensor

_BORDER = 0.3  # Weight of a pixel far from the face, where one on the face counts 1.3.


def face_weight(size: int) -> Tensor:
    """Returns weights (size, size) of mean 1: high on the face of an FFHQ-aligned picture, low around it."""
    line = torch.linspace(-1, 1, size)
    distance = (line[None] / 0.6).square() + ((line[:, None] - 0.05) / 0.75).square()
    weight = _BORDER + torch.exp(-distance.square())
    return weight / weight.mean()


def face_error(picture: Tensor, face: Tensor) -> Tensor:
    """Returns the mean squared error (B,) of pictures (B, 3, s, s) to aligned faces, from brow to chin."""
    return _face_mean((picture - face).square())


def face_contrast(face: Tensor) -> Tensor:
    """Returns the variance (B,) of aligned faces (B, 3, s, s) around their mean colour, from brow to chin."""
    on_face = _on_face(face.shape[-1]).to(face)
    mean = (face * on_face).sum((2, 3), keepdim=True) / on_face.sum()
    return _face_mean((face - mean).square())


def _face_mean(squares: Tensor) -> Tensor:
    on_face = _on_face(squares.shape[-1]).to(squares)
    return (squares.mean(1) * on_face).sum((1, 2)) / on_face.sum()


def _on_face(size: int) -> Tensor:
    """1 on the face of an FFHQ-aligned picture from brow to chin, (size, size), else 0."""
    line = torch.linspace(-1, 1, size)
    return ((line[None] / 0.5).square() + ((line[:, None] - 0.1) / 0.6).square() < 1).float()
