"""GAN inversion: finds styles and features from which a generator renders given faces.

Styles alone do not reproduce every face: poses, hats, glasses and hands that are rare in the generator's training
data are missing, and styles far from the mean cause rings and blotches. So there are two steps. First, styles are
fitted with the twins of 16 and 32 px, near the mean face; or, if the generator has a style encoder, with the last
twin alone, near the encoder's styles. Then the features of the generator's layer of 64 or 128 px are changed, as
little as needed, until the image of that size fits too (intermediate layer optimization: Daras et al. 2021, arXiv
2102.07364), or as a network predicts, which has learned what damaged faces look like when they are sharp. The later
layers, which render skin, lashes and hair, run unchanged on these features.

The result fits the given face at the size of the features. Finer detail is the generator's invention.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.generators.twin import Twin, feature_unit
from photopulse.search.face_area import face_contrast, face_error, face_weight
from photopulse.search.kit import SearchKit
from photopulse.search.lbfgs import BatchedLBFGS
from photopulse.search.prior import point_to_ws

_FIRST_STYLE_STEP: Final = 4.0  # From the mean face.
_FIRST_REFINING_STEP: Final = 1.0  # From what an encoder tells.
_FIRST_FEATURE_STEP: Final = 0.1  # Root mean square, in standard deviations of each channel.
_LEAST_BLUR: Final = 0.15  # Deviations below this many pixels change nothing that matters.


@dataclass(frozen=True, kw_only=True)
class InversionSettings:
    """Settings of the inversion.

    Attributes:
        style_evaluations: pairs of a twin's size in px and the number of its evaluations; with a style encoder, only
            the last twin is used.
        feature_evaluations: evaluations of the twin of the features' size while the features are optimised.
        style_pull: weight of the squared distance from the first guess, in standard deviations of the Gaussianised W.
        feature_pull: weight of the mean squared change of the features, in standard deviations of each channel.
        eps: mean squared error below which the gradient of the error vanishes.
        faces_at_once: number of faces whose features are optimised together; bounds the memory.
    """

    style_evaluations: tuple[tuple[int, int], ...] = ((16, 30), (32, 20))
    feature_evaluations: int = 14
    style_pull: float = 3e-6
    feature_pull: float = 0.1
    eps: float = 1e-4
    faces_at_once: int = 2


class ChangeFeatures(Protocol):
    """A network that predicts how features have to change, see ``networks.face_features``."""

    def __call__(self, face: Tensor, features: Tensor, rendered: Tensor, /) -> Tensor:
        """Returns the changed features (B, h, h, C), given the faces, the features and what these look like."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Inversion:
    """Result of the inversion of a batch of faces.

    Attributes:
        image: rendered faces (B, 3, resolution, resolution), nominally in [0, 1], not clamped.
        ws: their styles (B, num_ws, w_dim).
        style_error: mean squared error at 32 px with the styles alone, on the face without its surroundings (B,).
        contrast: variance of the given faces there (B,). If the error is a large share of it, such a face is far from
            the generator's training data, and its details cannot be trusted.
    """

    image: Tensor
    ws: Tensor
    style_error: Tensor
    contrast: Tensor


@torch.no_grad()
def invert(
    faces: Tensor,
    blur: Tensor,
    kit: SearchKit,
    *,
    feature_size: int,
    change: ChangeFeatures | None = None,
    settings: InversionSettings | None = None,
) -> Inversion:
    """Finds styles and features for FFHQ-aligned faces. Deterministic; the items do not influence each other.

    Args:
        faces: faces (B, 3, s, s) in [0, 1], on the generator's device.
        blur: standard deviation of the Gaussian that blurred each face, as a share of its side (B,). Rendered images
            are blurred alike before the comparison, so that the blur is removed and not reproduced.
        kit: kit of the generator.
        feature_size: height and width in px of the features that are changed; the faces should have that much detail.
        change: a trained network that changes the features; None optimises them.
        settings: settings; None for the defaults.

    Raises:
        PhotopulseError: if the generator has no twins of 16 and 32 px and of ``feature_size``.
    """
    settings = settings or InversionSettings()
    # Styles of all faces.
    point, compared = _find_styles(faces, blur, kit, settings)
    ws = point_to_ws(point, kit.prior, kit.generator)

    # Features and images, a few faces at a time.
    twin = kit.needed_twin(feature_size)
    images: list[Tensor] = []
    for start in range(0, len(faces), settings.faces_at_once):
        part = slice(start, start + settings.faces_at_once)
        if change is None:
            compared_there = _Compared(twin, _small(faces[part], feature_size), blur[part])
            features = _optimise_features(compared_there, ws[part], settings)
        else:
            features = _predict_features(faces[part], ws[part], twin, change)
        # One by one: a picture's features fill the processor's caches, and memory stays small.
        images.extend(twin.finish(features[i : i + 1], ws[part][i : i + 1]) for i in range(len(features)))
    return Inversion(
        image=torch.cat(images),
        ws=ws,
        style_error=compared.face_error(compared.twin(ws)),
        contrast=compared.face_contrast(),
    )


def find_styles(faces: Tensor, blur: Tensor, kit: SearchKit, settings: InversionSettings) -> Tensor:
    """Returns points (B, (1 + num_ws) * w_dim) of the styles from which ``invert`` begins; the same arguments."""
    return _find_styles(faces, blur, kit, settings)[0]


def _find_styles(
    faces: Tensor, blur: Tensor, kit: SearchKit, settings: InversionSettings
) -> tuple[Tensor, "_Compared"]:
    """Fits styles with one twin after the other, from the first guess; returns points and the last comparison."""
    start = kit.first_guess(faces)
    point, scale = start, None
    if kit.encoder is None:
        sizes, first_step = settings.style_evaluations, _FIRST_STYLE_STEP
    else:  # It knows more than the smaller twins can find.
        sizes, first_step = settings.style_evaluations[-1:], _FIRST_REFINING_STEP
    stages = [(_Compared(kit.needed_twin(size), _small(faces, size), blur), evaluations) for size, evaluations in sizes]

    # Each twin goes on from where the one before it ended.
    for compared, evaluations in stages:

        def evaluate(x: Tensor, compared: "_Compared" = compared) -> tuple[Tensor, Tensor]:
            with torch.enable_grad():
                x = x.detach().requires_grad_()
                error = compared.error(compared.twin(point_to_ws(x, kit.prior, kit.generator)))
                value = error.clamp(min=settings.eps) + settings.style_pull * (x - start).square().sum(1)
                (gradient,) = torch.autograd.grad(value.sum(), x)
            return value.detach(), gradient

        solver = BatchedLBFGS(evaluate, point, first_step=first_step, scale=scale)
        for _ in range(evaluations):
            solver.step()
        point, scale = solver.x, solver.scale
    return point, stages[-1][0]


def _predict_features(faces: Tensor, ws: Tensor, twin: Twin, change: ChangeFeatures) -> Tensor:
    """Returns the features (B, h, h, C) that the network makes of those of the styles."""
    features = twin.features(ws)
    return change(faces, features, twin.render(features, ws))


def _optimise_features(compared: "_Compared", ws: Tensor, settings: InversionSettings) -> Tensor:
    """Returns features (B, h, h, C) whose picture is like the target of ``compared``."""
    # The features of the styles, and the unit of their changes.
    twin = compared.twin
    drawn = twin.features(ws)
    unit = feature_unit(drawn)

    def changed(x: Tensor) -> Tensor:
        return torch.addcmul(drawn, unit, x.view_as(drawn))

    def evaluate(x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            error = compared.error(twin.render(changed(x), ws))
            value = error.clamp(min=settings.eps) + settings.feature_pull * x.square().mean(1)
            (gradient,) = torch.autograd.grad(value.sum(), x)
        return value.detach(), gradient

    # Changes that start at zero.
    start = torch.zeros_like(drawn).flatten(1)
    first_step = _FIRST_FEATURE_STEP * start.shape[1] ** 0.5
    solver = BatchedLBFGS(evaluate, start, first_step=first_step, memory=8)
    for _ in range(settings.feature_evaluations):
        solver.step()
    return changed(solver.x)


class _Compared:
    """A twin with the target of its images and the blur of that target."""

    def __init__(self, twin: Twin, target: Tensor, blur: Tensor) -> None:
        self.twin = twin
        self._target = target
        self._kernels = _gaussians(blur * twin.size)
        self._weight = face_weight(twin.size).to(target)

    def error(self, picture: Tensor) -> Tensor:
        """Mean squared error (B,), the face weighed more than its surroundings."""
        return ((self._seen(picture) - self._target).square() * self._weight).mean((1, 2, 3))

    def face_error(self, picture: Tensor) -> Tensor:
        """Mean squared error (B,) on the face alone."""
        return face_error(self._seen(picture), self._target)

    def face_contrast(self) -> Tensor:
        """Variance (B,) of the face of the target around its mean colour."""
        return face_contrast(self._target)

    def _seen(self, picture: Tensor) -> Tensor:
        return picture if self._kernels is None else _blurred(picture, self._kernels)


def _small(faces: Tensor, size: int) -> Tensor:
    return F.interpolate(faces, (size, size), mode="bicubic", antialias=True, align_corners=False)


def _gaussians(deviations: Tensor) -> Tensor | None:
    """One-dimensional kernels (B, taps), one for each face; None where no face is blurred enough to matter."""
    widest = deviations.max().item()
    if widest < _LEAST_BLUR:
        return None
    reach = max(int(3 * widest + 0.5), 1)
    place = torch.arange(-reach, reach + 1, device=deviations.device)
    kernels = torch.exp(-place.square() / (2 * deviations.clamp(min=_LEAST_BLUR / 2).square())[:, None])
    return kernels / kernels.sum(1, keepdim=True)


def _blurred(pictures: Tensor, kernels: Tensor) -> Tensor:
    """Blurs each picture (B, 3, h, w) by its own kernel, along both axes."""
    reach = kernels.shape[1] // 2
    padded = F.pad(pictures, (reach,) * 4, mode="reflect").flatten(0, 1)[None]
    each = kernels.repeat_interleave(3, dim=0)[:, None]
    along = F.conv2d(padded, each[:, :, None], groups=len(each))
    return F.conv2d(along, each[..., None], groups=len(each)).view_as(pictures)
