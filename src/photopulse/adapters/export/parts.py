"""What can be exported: the parts of a generator, and the networks of `photopulse restore`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse.generators.protocol import Generator
from photopulse.networks.full_size import FullSizeNet
from photopulse.networks.shipped import (
    DAMAGE_MASK,
    ENLARGE,
    FACE_SIZES,
    FULL_SIZE,
    INPAINT,
    PHOTO,
    face_kind,
    load_damage_mask_net,
    load_enlarge_net,
    load_face_net,
    load_full_size_net,
    load_inpaint_net,
    load_photo_net,
)
from photopulse.search.encoder_cache import find_encoder
from photopulse.search.prior import GaussianPrior, to_ws

_BATCH: Final = {0: "batch"}
_PICTURES: Final = {0: "batch", 2: "height", 3: "width"}
_SMALL: Final = {0: "batch", 2: "small height", 3: "small width"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Input:
    """One input of an exported network.

    Attributes:
        name: name in the file.
        shape: the shape of an example, with which the network is traced.
        free: names of the dimensions that may have another size; equal names mean equal sizes.
    """

    name: str
    shape: tuple[int, ...]
    free: Mapping[int, str]


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """A network that becomes one file.

    Attributes:
        name: stem of the file.
        network: takes the inputs as float32 tensors, in their order, and returns one.
        inputs: its inputs.
        output: name of its result.
    """

    name: str
    network: nn.Module
    inputs: tuple[Input, ...]
    output: str


def generator_parts(generator: Generator, prior: GaussianPrior | None) -> list[Part]:
    """Returns the mapping and the synthesis network of a generator, and its style encoder if it has one.

    The files take and return what the methods ``map`` and ``synthesize`` do, with the stored noise, and the encoder
    returns ws: the styles at which a search of the face begins.

    Args:
        generator: on the CPU, in eval mode.
        prior: the Gaussian of its W, in whose units the encoder predicts; None leaves the encoder out.
    """
    latent = Input(name="z", shape=(2, generator.z_dim), free=_BATCH)
    label = Input(name="c", shape=(2, generator.c_dim), free=_BATCH)
    styles = Input(name="ws", shape=(2, generator.num_ws, generator.w_dim), free=_BATCH)
    inputs = (latent, label) if generator.c_dim else (latent,)
    parts = [
        Part(name="mapping", network=_Call(generator, generator.map), inputs=inputs, output="ws"),
        Part(name="synthesis", network=_Call(generator, generator.synthesize), inputs=(styles,), output="image"),
    ]
    encoder = find_encoder(generator)
    if encoder is not None and prior is not None:
        side = encoder.settings.size
        faces = Input(name="face", shape=(2, 3, side, side), free=_BATCH)
        first_styles = _FirstStyles(generator, prior, encoder)
        parts.append(Part(name="encoder", network=first_styles, inputs=(faces,), output="ws"))
    return parts


def _photo() -> Part:
    pictures = Input(name="photo", shape=(2, 3, 96, 128), free=_PICTURES)
    return Part(name=PHOTO, network=load_photo_net(), inputs=(pictures,), output="cleaned")


def _enlarge() -> Part:
    pictures = Input(name="photo", shape=(2, 3, 96, 128), free=_PICTURES)
    return Part(name=ENLARGE, network=load_enlarge_net(), inputs=(pictures,), output="enlarged")


def _damage_mask() -> Part:
    pictures = Input(name="photo", shape=(2, 3, 96, 128), free=_PICTURES)
    return Part(name=DAMAGE_MASK, network=load_damage_mask_net(), inputs=(pictures,), output="logits")


def _inpaint() -> Part:
    pictures = Input(name="filled", shape=(2, 3, 96, 128), free=_PICTURES)
    holes = Input(name="holes", shape=(2, 1, 96, 128), free=_PICTURES)
    return Part(name=INPAINT, network=load_inpaint_net(), inputs=(pictures, holes), output="inpainted")


def _full_size() -> Part:
    small = [Input(name=name, shape=(2, 3, 48, 64), free=_SMALL) for name in ("low_in", "low_out")]
    large = Input(name="high_in", shape=(2, 3, 96, 128), free=_PICTURES)
    return Part(name=FULL_SIZE, network=_WholeFullSize(load_full_size_net()), inputs=(*small, large), output="restored")


def _face(size: int) -> Part:
    network = load_face_net(size)
    return Part(
        name=face_kind(size),
        network=network,
        inputs=(
            Input(name="face", shape=(2, 3, 4 * size, 4 * size), free=_BATCH),
            Input(name="features", shape=(2, size, size, network.settings.channels), free=_BATCH),
            Input(name="rendered", shape=(2, 3, size, size), free=_BATCH),
        ),
        output="changed",
    )


RESTORATION: Final[Mapping[str, Callable[[], Part]]] = {
    PHOTO: _photo,
    FULL_SIZE: _full_size,
    ENLARGE: _enlarge,
    DAMAGE_MASK: _damage_mask,
    INPAINT: _inpaint,
    **{face_kind(size): lambda size=size: _face(size) for size in FACE_SIZES},
}
"""Makes each network of `photopulse restore` by its name."""


class _Call(nn.Module):
    """A method of a generator as a network of its own."""

    def __init__(self, generator: Generator, method: Callable[..., Tensor]) -> None:
        super().__init__()
        self.generator = cast(nn.Module, generator)
        self.method = method

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.method(*inputs)


class _FirstStyles(nn.Module):
    """The style encoder, with the way from its standard normal values to ws."""

    def __init__(self, generator: Generator, prior: GaussianPrior, encoder: nn.Module) -> None:
        super().__init__()
        self.generator, self.prior, self.encoder = generator, prior, encoder

    def forward(self, faces: Tensor) -> Tensor:
        values = self.encoder(faces)[:, None].expand(-1, self.generator.num_ws, -1)
        return to_ws(values, self.prior, self.generator)


class _WholeFullSize(nn.Module):
    """The full-size network for a whole picture at once; tiles, which need little memory, are the caller's."""

    def __init__(self, net: FullSizeNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, low_in: Tensor, low_out: Tensor, high_in: Tensor) -> Tensor:
        maps = F.interpolate(
            self.net.small_maps(low_in, low_out), high_in.shape[2:], mode="bilinear", align_corners=False
        )
        return self.net.restored(maps, high_in)


def example(part: Part, random: torch.Generator, *, longer: int = 0) -> tuple[Tensor, ...]:
    """Draws inputs in [0, 1] for a part, whose free dimensions are ``longer`` than the traced ones."""
    shapes = [
        [size + (longer if axis in one.free else 0) for axis, size in enumerate(one.shape)] for one in part.inputs
    ]
    return tuple(torch.rand(shape, generator=random) for shape in shapes)
