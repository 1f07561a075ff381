"""Training data of the feature network: aligned faces, sharp and small, and the same faces damaged and cleaned."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.degrade.photo import LEVELS, TRAINING, DamageMixture, Damages
from photopulse.faces.clean_crop import cleaned_crop
from photopulse.faces.evidence import measure_evidence
from photopulse.images import read_image
from photopulse.images.resize import resized
from photopulse.networks.photo import PhotoNet
from photopulse.training.batches import made_ahead
from photopulse.training.compute import Compute
from photopulse.training.optimisation import Optimisation

_SIDE: Final = 512
_WAYS: Final = 4  # In which a batch is used.
_KEPT: Final = 24  # Batches that are used by turns.


@dataclass(frozen=True, kw_only=True, eq=False)
class FacePairs:
    """A batch of faces.

    Attributes:
        damaged: damaged and cleaned faces (B, 3, 4 * size, 4 * size) in [0, 1].
        sharp: the same, sharp, (B, 3, size, size) in [0, 1].
        points: points of the sharp faces' styles (B, 2, P), and of their mirror images.
        trust: how near to its point, from the first guess, the styles of each face are, (B, 1) in [0, 1].
        mirrored: whether the faces are mirror images.
    """

    damaged: Tensor
    sharp: Tensor
    points: Tensor
    trust: Tensor
    mirrored: bool = False

    def to(self, device: torch.device) -> "FacePairs":
        """Copies all to a device."""
        moved = {name: getattr(self, name).to(device) for name in ("damaged", "sharp", "points", "trust")}
        return replace(self, **moved)


@dataclass(frozen=True, kw_only=True)
class FaceDamage:
    """How faces are damaged before they are cleaned as ``photopulse restore`` does it.

    Attributes:
        size: side of the sharp faces in px.
        damage: recipe of the damage, for faces of 512 px.
        shift: largest shift of a face, over its side: meshes of damaged faces are inexact.
        turn: largest angle in degrees.
        scale: largest change of scale.
        gain: standard deviation of the logarithm of each colour channel's gain.
        gamma: standard deviation of the logarithm of gamma: tones and lights that the faces lack.
        gray: share of gray faces.
    """

    size: int = 64
    damage: Damages = field(
        default_factory=lambda: DamageMixture(((LEVELS["heavy"], 0.4), (LEVELS["medium"], 0.3), (TRAINING, 0.3)))
    )
    shift: float = 0.02
    turn: float = 2.0
    scale: float = 0.04
    gain: float = 0.06
    gamma: float = 0.15
    gray: float = 0.1


def face_batches(
    faces: Mapping[Path, Tensor], damage: FaceDamage, photo: PhotoNet, optimisation: Optimisation, compute: Compute
) -> Callable[[int], Iterator[FacePairs]]:
    """Returns a function from the number of steps that are done to this process's endless batches.

    Damaging and cleaning takes longer than learning, so each batch is used four times, mirrored and in other colours,
    with many others in between.
    """

    def batches(done: int) -> Iterator[FacePairs]:
        order = compute.order(done, batch_size=optimisation.batch_size, seed=optimisation.seed)

        @lru_cache(maxsize=_KEPT)
        def made(number: int) -> FacePairs:
            return make_pairs(faces, damage, photo, order.batch_size, order.random(number))

        def batch(step: int) -> FacePairs:
            window, place = divmod(step, _WAYS * _KEPT)
            way, number = divmod(place, _KEPT)
            return _varied(made(window * _KEPT + number), damage, order.random(step), mirrored=way % 2 == 1)

        return made_ahead(batch, order)

    return batches


@torch.no_grad()
def make_pairs(
    faces: Mapping[Path, Tensor], damage: FaceDamage, photo: PhotoNet, count: int, random: torch.Generator
) -> FacePairs:
    """Makes a batch of the faces in these files, given the points of their styles; see ``face_points``."""
    files = list(faces)
    chosen = [files[place] for place in cast(list[int], torch.randint(len(files), (count,), generator=random).tolist())]
    made = [_pair(_sharp(file), damage, photo, random) for file in chosen]
    damaged, sharp = (torch.cat(parts) for parts in zip(*made, strict=True))
    points = torch.stack([faces[file] for file in chosen])
    return FacePairs(damaged=damaged, sharp=sharp, points=points, trust=torch.rand(count, 1, generator=random))


def _pair(sharp: Tensor, damage: FaceDamage, photo: PhotoNet, random: torch.Generator) -> tuple[Tensor, Tensor]:
    # Damage, measure and clean.
    small = damage.damage.draw(random)(sharp, random).clamp(0, 1)
    damaged = resized(small, _SIDE, _SIDE).clamp(0, 1)
    resolution = measure_evidence(damaged, pixels=_SIDE).effective_resolution
    clean = cleaned_crop(lambda size: resized(damaged, size, size), resolution, photo)
    # Move both alike.
    places = _moved(damage, random)
    return _read(clean, places, 4 * damage.size), _read(sharp, places, damage.size)


def _moved(damage: FaceDamage, random: torch.Generator) -> Tensor:
    """Returns a random similarity (1, 2, 3) near the identity, in coordinates of [-1, 1]."""
    shift_x, shift_y, turn, scale = (2 * torch.rand(4, generator=random) - 1).unbind()
    angle = turn * damage.turn * torch.pi / 180
    cos, sin = (f(angle) * (1 + scale * damage.scale) for f in (torch.cos, torch.sin))
    rows = [cos, -sin, 2 * damage.shift * shift_x, sin, cos, 2 * damage.shift * shift_y]
    return torch.stack(rows).view(1, 2, 3)


def _read(face: Tensor, places: Tensor, size: int) -> Tensor:
    grid = F.affine_grid(places, [1, 3, _SIDE, _SIDE], align_corners=False)
    moved = F.grid_sample(face, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    if size == _SIDE:
        return moved.clamp(0, 1)
    return F.interpolate(moved, (size, size), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)


def _varied(pairs: FacePairs, damage: FaceDamage, random: torch.Generator, *, mirrored: bool) -> FacePairs:
    """Returns the same faces, mirrored if asked, in other tones and lights, with styles nearer or farther."""
    count = len(pairs.sharp)
    gains = torch.exp(damage.gain * torch.randn(count, 3, 1, 1, generator=random))
    gammas = torch.exp(damage.gamma * torch.randn(count, 1, 1, 1, generator=random))
    gray = torch.rand(count, 1, 1, 1, generator=random) < damage.gray

    def vary(faces: Tensor) -> Tensor:
        faces = faces.flip(3) if mirrored else faces
        faces = (faces.clamp(0, 1) ** gammas * gains).clamp(0, 1)
        return torch.where(gray, faces.mean(1, keepdim=True), faces)

    trust = torch.rand(count, 1, generator=random)
    return replace(pairs, damaged=vary(pairs.damaged), sharp=vary(pairs.sharp), trust=trust, mirrored=mirrored)


@lru_cache(maxsize=4096)
def _stored(file: Path) -> Tensor:
    pixels = resized(read_image(file).pixels, _SIDE, _SIDE)
    return (pixels * 255).round().to(torch.uint8)


def _sharp(file: Path) -> Tensor:
    return _stored(file).float() / 255
