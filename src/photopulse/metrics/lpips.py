"""LPIPS v0.1 on AlexNet, from weight files that the user provides (Zhang et al. 2018, arXiv 1801.03924)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from photopulse import weights
from photopulse.errors import PhotopulseError
from photopulse.metrics.luma import check_pair
from photopulse.torch_file import read_torch_file, tensors_of

HEADS: Final = "lpips-alex-heads"
SMALLEST_SIDE: Final = 32

_CHANNELS = (64, 192, 384, 256, 256)
# Mean and standard deviation of ImageNet's colours, as LPIPS states them for pixels in [-1, 1].
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)


class LPIPS(nn.Module):
    """The learned perceptual metric: distances of AlexNet's features, each channel weighted by a learned head."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift", torch.tensor(_SHIFT).reshape(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(_SCALE).reshape(3, 1, 1), persistent=False)
        widths = (3, *_CHANNELS)
        shapes = ((11, 4, 2), (5, 1, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1))
        self.convolutions = nn.ModuleList(
            nn.Conv2d(widths[i], widths[i + 1], kernel, stride, padding)
            for i, (kernel, stride, padding) in enumerate(shapes)
        )
        self.heads = nn.ParameterList(nn.Parameter(torch.zeros(1, width, 1, 1)) for width in _CHANNELS)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Computes the distance of each pair of pictures (B, 3, H, W) in [0, 1], without resizing them.

        Returns:
            (B,); 0 for equal pictures.

        Raises:
            ValueError: if the shapes differ, are not (B, 3, H, W), or a side is below 32 px.
        """
        check_pair(a, b)
        if min(a.shape[2:]) < SMALLEST_SIDE:
            raise ValueError(f"LPIPS needs images of at least {SMALLEST_SIDE} px, got {tuple(a.shape)}")
        layers = zip(self.heads, self._features(a), self._features(b), strict=True)
        distances = [(head * (of_a - of_b).square()).sum(dim=1).mean(dim=(1, 2)) for head, of_a, of_b in layers]
        return torch.stack(distances).sum(dim=0)

    def _features(self, image: Tensor) -> list[Tensor]:
        """Returns the output of each ReLU, the vector at each position scaled to length 1."""
        x = (image * 2 - 1 - cast(Tensor, self.shift)) / cast(Tensor, self.scale)
        features: list[Tensor] = []
        for index, convolution in enumerate(self.convolutions):
            if index in (1, 2):
                x = nn.functional.max_pool2d(x, kernel_size=3, stride=2)
            x = convolution(x).relu()
            features.append(nn.functional.normalize(x, dim=1, eps=1e-10))
        return features


def load_lpips(backbone: Path, heads: Path | None = None, device: str | torch.device = "cpu") -> LPIPS:
    """Loads LPIPS v0.1 from two PyTorch files, without running any code in them.

    Args:
        backbone: torchvision's AlexNet trained on ImageNet (``alexnet-owt-7be5be79.pth``), a file of the user's.
        heads: the linear heads, ``weights/v0.1/alex.pth`` of the package lpips; if None, the named weights
            ``lpips-alex-heads``, fetched once if need be.
        device: where the network is put.

    Raises:
        PhotopulseError: if a file cannot be read or holds something else, or the heads cannot be fetched.
    """
    trunk = tensors_of(read_torch_file(backbone)) or {}
    heads = heads or weights.fetch(HEADS) / "alex.pth"
    linear = tensors_of(read_torch_file(heads)) or {}
    net = LPIPS()
    _fill(backbone, trunk, {f"features.{place}": net.convolutions[i] for i, place in enumerate((0, 3, 6, 8, 10))})
    for index, head in enumerate(net.heads):
        _copy(heads, linear, f"lin{index}.model.1.weight", head)
    return net.eval().requires_grad_(False).to(device)


def _fill(file: Path, state: Mapping[Any, Any], layers: Mapping[str, nn.Module]) -> None:
    for place, layer in layers.items():
        for name, parameter in layer.named_parameters():
            _copy(file, state, f"{place}.{name}", parameter)


def _copy(file: Path, state: Mapping[Any, Any], key: str, parameter: Tensor) -> None:
    value = state.get(key)
    if not isinstance(value, Tensor) or value.shape != parameter.shape:
        raise PhotopulseError(
            f"cannot load {file} for LPIPS",
            why=f"it has no {key} of the shape {tuple(parameter.shape)}",
            fix="give torchvision's alexnet .pth as the backbone and lpips' weights/v0.1/alex.pth as the heads",
        )
    with torch.no_grad():
        parameter.copy_(value)
