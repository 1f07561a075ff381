"""dlib's face recognition network in PyTorch, so that a training loss can be differentiated through it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from photopulse import weights
from photopulse.errors import PhotopulseError
from photopulse.metrics.identity import IDENTITY, RECOGNITION_FILE

_MEAN_COLOUR = (122.782, 117.001, 104.298)
# Channels and number of residual blocks of each stage; the first block of each stage but the first halves the size.
_STAGES: Final = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))
_EMBEDDING = 128


class IdentityNetwork(nn.Module):
    """A residual network (He et al. 2016) that computes identity embeddings of 128 numbers (King 2017).

    It has the weights of ``IdentityNet``, which also aligns the faces, but in C++ and without gradients.
    """

    def __init__(self) -> None:
        super().__init__()
        width = _STAGES[0][0]
        self.stem = _Affine(3, width, 7, stride=2)
        blocks: list[_Block] = []
        for stage, (wider, count) in enumerate(_STAGES):
            for place in range(count):
                blocks.append(_Block(width, wider, halves=stage > 0 and place == 0))
                width = wider
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Linear(width, _EMBEDDING, bias=False)
        self.register_buffer("mean_colour", torch.tensor(_MEAN_COLOUR).view(1, 3, 1, 1), persistent=False)

    def forward(self, chips: Tensor) -> Tensor:
        """Embeds upright faces (B, 3, 150, 150) in [0, 1], cropped as dlib crops them; returns (B, 128)."""
        pixels = (chips * 255 - cast(Tensor, self.mean_colour)) / 256
        maps = self.blocks(F.max_pool2d(F.relu(self.stem(pixels)), 3, stride=2))
        return cast(Tensor, self.last(maps.mean(dim=(2, 3))))


class _Affine(nn.Module):
    """A convolution followed by its batch normalisation, folded to scale and shift.

    As in dlib, there is no padding where the convolution halves the size.
    """

    def __init__(self, before: int, width: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, width, kernel, stride=stride, padding=kernel // 2 if stride == 1 else 0)
        self.scale = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(x) * self.scale.view(-1, 1, 1) + self.shift.view(-1, 1, 1)


class _Block(nn.Module):
    def __init__(self, before: int, width: int, *, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.first = _Affine(before, width, 3, stride=2 if self.halves else 1)
        self.second = _Affine(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        made = self.second(F.relu(self.first(x)))
        if not self.halves:
            return F.relu(made + x)
        return F.relu(_sum_of_unequal(made, F.avg_pool2d(x, 2)))


def _sum_of_unequal(a: Tensor, b: Tensor) -> Tensor:
    """Adds feature maps of unequal sizes, each padded with 0 at the right, the bottom and the last channels."""
    sizes = [max(ours, theirs) for ours, theirs in zip(a.shape[1:], b.shape[1:], strict=True)]

    def widened(x: Tensor) -> Tensor:
        channels, height, width = (size - own for size, own in zip(sizes, x.shape[1:], strict=True))
        return F.pad(x, (0, width, 0, height, 0, channels))

    return widened(a) + widened(b)


def load_identity_network(device: str | torch.device = "cpu") -> IdentityNetwork:
    """Loads the network with the named weights ``dlib-face-embedding`` (100 MB, fetched once if need be).

    It is in eval mode and its parameters require no gradients.

    Raises:
        PhotopulseError: if the weights cannot be fetched.
    """
    return read_identity_network(weights.fetch(IDENTITY) / RECOGNITION_FILE).to(device)


def read_identity_network(path: Path) -> IdentityNetwork:
    """Reads the network from dlib's own file.

    Raises:
        PhotopulseError: if the file cannot be read or holds another network.
    """
    network = IdentityNetwork()
    try:
        # The file has the convolution and then the normalisation of each layer, in the order in which they run.
        tensors = list(_tensors(path.read_bytes()))
        layers = [network.stem]
        for block in cast(list[_Block], list(network.blocks)):
            layers += [block.first, block.second]
        for layer, kernels, affine in zip(layers, tensors[:-1:2], tensors[1:-1:2], strict=True):
            weight, bias = layer.convolution.weight, cast(Tensor, layer.convolution.bias)
            _fill((weight, bias), kernels)
            _fill((layer.scale, layer.shift), affine)
        # dlib stores the linear layer transposed.
        _fill((network.last.weight,), tensors[-1].view(-1, _EMBEDDING).T.flatten())
    except (OSError, ValueError, IndexError, RuntimeError) as error:
        raise PhotopulseError(
            f"cannot read the face recognition network {path}",
            why=str(error),
            fix="fetch it again: photopulse models get dlib-face-embedding",
        ) from error
    return network.eval().requires_grad_(False)


def _fill(parameters: tuple[Tensor, ...], values: Tensor) -> None:
    """Copies consecutive parts of ``values`` into the parameters."""
    parts = torch.split(values, [parameter.numel() for parameter in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.data.copy_(part.view_as(parameter))


def _tensors(data: bytes) -> Iterator[Tensor]:
    """Yields the weights of the layers in order, each flat.

    A layer begins with its name, e.g. ``con_4``, followed by a tensor: a version, four sizes and the numbers. The
    linear layer, ``fc_2``, has its numbers of outputs and inputs before the tensor.
    """
    end = 0
    for name in re.finditer(rb"(con|affine|fc)_\d?", data):
        if name.start() < end:  # Weights that happen to spell a name.
            continue
        place, numbers = name.end(), list[int]()
        while len(numbers) < (7 if name[1] == b"fc" else 5):
            length = data[place]
            numbers.append(int.from_bytes(data[place + 1 : place + 1 + length], "little"))
            place += 1 + length
        end = place + 4 * int(np.prod(numbers[-4:], dtype=np.int64))
        yield torch.from_numpy(np.frombuffer(data[place:end], dtype="<f4").copy())
