"""EfficientNet-Lite0: a small ImageNet network whose features are used in place of those of VGG and Inception.

EfficientNet: Tan and Le 2019, arXiv 1905.11946; the Lite variants leave out squeeze-and-excitation and use ReLU6
instead of swish.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Final, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from photopulse import weights

FEATURES: Final = "efficientnet-lite0"
INPUT_SIZE: Final = 224
NUM_FEATURES: Final = 1280

# TensorFlow's batch normalisation adds more to the variance than PyTorch's default, 1e-5.
_EPS = 1e-3


class _Group(NamedTuple):
    """Blocks of one width; only the first of them has a stride and changes the number of channels."""

    blocks: int
    kernel: int
    stride: int
    expand: int
    channels: int


_STEM_CHANNELS = 32
_GROUPS = (
    _Group(1, 3, 1, 1, 16),
    _Group(2, 3, 2, 6, 24),
    _Group(2, 5, 2, 6, 40),
    _Group(3, 3, 2, 6, 80),
    _Group(3, 5, 1, 6, 112),
    _Group(4, 5, 2, 6, 192),
    _Group(1, 3, 1, 6, 320),
)
# Indices of the blocks that are the last of their resolution.
_STAGE_ENDS = (0, 2, 4, 10, 15)


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 without its classifier: feature maps of five stages, or one feature vector per picture.

    The input is RGB (B, 3, H, W), nominally [0, 1], of any size, float32 on the module's device. Differentiable.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = _layer(3, _STEM_CHANNELS, kernel=3, stride=2)
        self.blocks = nn.ModuleList(_build_blocks())
        self.head = _layer(_GROUPS[-1].channels, NUM_FEATURES, kernel=1)

    def stages(self, image: Tensor, *, count: int = len(_STAGE_ENDS)) -> list[Tensor]:
        """Computes the last feature map of each resolution, the finest first; ``count`` of them are enough.

        Returns:
            (B, 16, H/2, W/2), (B, 24, H/4, W/4), (B, 40, H/8, W/8), (B, 112, H/16, W/16) and
            (B, 320, H/32, W/32), sizes rounded up; before the activation, so values have both signs.
        """
        # The weights were trained with this normalisation of bytes, (bytes - 127) / 128.
        x = self.stem((image * 255 - 127) / 128)
        maps: list[Tensor] = []
        for index, block in enumerate(self.blocks[: _STAGE_ENDS[count - 1] + 1]):
            x = block(x)
            if index in _STAGE_ENDS:
                maps.append(x)
        return maps

    def folded(self) -> "EfficientNetLite0":
        """Returns a copy with the batch normalisations folded into the convolutions: a third faster, for inference."""
        copy = deepcopy(self)
        for layer in copy.modules():
            if isinstance(layer, nn.Sequential) and len(layer) > 1 and isinstance(layer[1], nn.BatchNorm2d):
                layer[0] = fuse_conv_bn_eval(cast(nn.Conv2d, layer[0]), cast(nn.BatchNorm2d, layer[1]))
                layer[1] = nn.Identity()
        return copy.requires_grad_(False)

    def pooled(self, image: Tensor) -> Tensor:
        """Computes one feature vector per picture, the spatial mean of the last features: (B, 1280), each in [0, 6].

        The picture is first resampled by antialiased bicubic interpolation to 224 x 224, the size of the training:
        Frechet distances depend on the resampling (Parmar et al. 2022, arXiv 2104.11222).
        """
        size = (INPUT_SIZE, INPUT_SIZE)
        if image.shape[-2:] != size:
            image = F.interpolate(image, size, mode="bicubic", antialias=True, align_corners=False)
        return self.head(self.stages(image.clamp(0, 1))[-1]).mean(dim=(2, 3))


def load_features(device: str | torch.device = "cpu") -> EfficientNetLite0:
    """Loads the network with the named weights ``efficientnet-lite0``, fetched once if need be.

    It is in eval mode and its parameters require no gradients.

    Raises:
        PhotopulseError: if the weights cannot be fetched.
    """
    return features_from_folder(weights.fetch(FEATURES)).to(device)


def features_from_folder(folder: Path) -> EfficientNetLite0:
    """Loads the network from a folder that holds ``efficientnet-lite0-57934424.pth``."""
    file = folder / "efficientnet-lite0-57934424.pth"
    state: Mapping[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    net = EfficientNetLite0()
    net.load_state_dict({_our_name(key): value for key, value in state.items() if not key.startswith("_fc.")})
    return net.eval().requires_grad_(False)


class _SameConv(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding: of an odd total, the larger half is at the right and bottom."""

    def forward(self, input: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        pads: list[int] = []
        for size in (input.shape[3], input.shape[2]):
            missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [missing // 2, missing - missing // 2]
        return super().forward(F.pad(input, pads))


class _Block(nn.Module):
    """An inverted residual block (MobileNetV2): expand, depthwise convolution, project without activation."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = inputs * expand
        self.expand = _layer(inputs, wide, kernel=1) if expand > 1 else nn.Identity()
        self.depthwise = _layer(wide, wide, kernel=kernel, stride=stride, groups=wide)
        self.project = _layer(wide, outputs, kernel=1)[:2]
        self.skips = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.project(self.depthwise(self.expand(x)))
        return x + narrow if self.skips else narrow


def _build_blocks() -> list[_Block]:
    blocks: list[_Block] = []
    inputs = _STEM_CHANNELS
    for group in _GROUPS:
        for stride in (group.stride, *[1] * (group.blocks - 1)):
            blocks.append(_Block(inputs, group.channels, kernel=group.kernel, stride=stride, expand=group.expand))
            inputs = group.channels
    return blocks


def _layer(inputs: int, outputs: int, *, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        _SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=_EPS),
        nn.ReLU6(inplace=True),
    )


# The names of layers in the file and here, in the whole network and within a block.
_OUR_LAYERS = {"_conv_stem": "stem.0", "_bn0": "stem.1", "_conv_head": "head.0", "_bn1": "head.1"}
_OUR_BLOCK_LAYERS = {
    "_expand_conv": "expand.0",
    "_bn0": "expand.1",
    "_depthwise_conv": "depthwise.0",
    "_bn1": "depthwise.1",
    "_project_conv": "project.0",
    "_bn2": "project.1",
}


def _our_name(key: str) -> str:
    block = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
    if block:
        return f"blocks.{block[1]}.{_OUR_BLOCK_LAYERS[block[2]]}.{block[3]}"
    layer, value = key.split(".")
    return f"{_OUR_LAYERS[layer]}.{value}"
