"""Real-ESRGAN x4plus (Wang et al. 2021, arXiv 2107.10833): super-resolution of any photo by a factor of 4."""

from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from photopulse.allocator import keep_freed_memory
from photopulse.devices import using
from photopulse.errors import PhotopulseError
from photopulse.networks.ncnn import Convolution, read_ncnn
from photopulse.networks.rrdb import RRDBNet
from photopulse.networks.tiles import in_tiles
from photopulse.weights import fetch

NAME = "realesrgan-x4plus"

# Side of the tiles in px, of which each takes about a gigabyte. With 32 px of context, the result in tiles differs by
# at most 0.02 from that of the whole picture; with 16 px by up to 0.15, because the receptive field is large.
TILE = 256
OVERLAP = 32


def load_realesrgan(device: str | torch.device = "cpu") -> RRDBNet:
    """Loads the published network, fetched once if need be: in eval mode, without gradients, channels last.

    The weights are the published ones, rounded to float16; computation is in float32.

    Raises:
        PhotopulseError: if the weights cannot be fetched or are of another network, or the device cannot be used.
    """
    net = net_from_ncnn(fetch(NAME) / f"{NAME}.param")
    with using(device):
        return net.to(device)


def net_from_ncnn(param: Path) -> RRDBNet:
    """Creates the network from an ncnn file whose convolutions are in the order in which they run.

    Raises:
        PhotopulseError: if a file is missing or damaged, or holds another network.
    """
    convolutions = read_ncnn(param)
    with torch.device("meta"):
        net = RRDBNet()
    try:
        net.load_state_dict(_state(net, convolutions), strict=True, assign=True)
    except (ValueError, RuntimeError) as error:
        raise PhotopulseError(
            f"cannot use {param}",
            why=f"it is not Real-ESRGAN's x4 network ({str(error).partition(chr(10))[0]})",
            fix="fetch it again",
        ) from error
    return net.eval().requires_grad_(False)


def _state(net: RRDBNet, convolutions: list[Convolution]) -> dict[str, Tensor]:
    """Names the convolutions as our network does; in both, they are in the order in which they run."""
    shapes = {key.removesuffix(".weight"): w.shape for key, w in net.state_dict().items() if key.endswith(".weight")}
    state: dict[str, Tensor] = {}
    for (ours, shape), theirs in zip(shapes.items(), convolutions, strict=True):
        if theirs.bias is None or theirs.weight.shape != shape:
            raise ValueError(f"{theirs.name} does not fit {ours}")
        weight = theirs.weight.contiguous(memory_format=torch.channels_last)
        state |= {f"{ours}.weight": weight, f"{ours}.bias": theirs.bias}
    return state


def enlarge_to(net: RRDBNet, image: Tensor, size: int) -> Tensor:
    """Enlarges square pictures (B, 3, h, h) in [0, 1] to (B, 3, size, size) in [0, 1], on the image's device.

    The network is applied as often as needed to reach ``size``, with clamping in between, and the result is reduced to
    ``size`` by an antialiased cubic filter. Pictures are processed one by one, above ``TILE`` px in tiles, so that
    results do not depend on the batch and memory is bounded.

    Raises:
        ValueError: if the image is not (B, 3, h, h) with h >= 1, or ``size`` is below 1.
    """
    if image.ndim != 4 or image.shape[1] != 3 or image.shape[2] != image.shape[3] or not image.numel() or size < 1:
        raise ValueError(f"cannot enlarge {tuple(image.shape)} to {size}: it takes square pictures (B, 3, h, h)")
    with keep_freed_memory(), torch.inference_mode():
        pictures = [_enlarge_one(net, one, size) for one in cast(tuple[Tensor, ...], image.split(1))]
    # Concatenated outside inference mode, so that the result may be used in a later backward pass.
    return torch.cat(pictures).to(image)


def _enlarge_one(net: RRDBNet, image: Tensor, size: int) -> Tensor:
    weight = net.conv_first.weight
    image = image.to(weight).clamp(0, 1)
    while image.shape[3] < size:
        image = in_tiles(net, image.contiguous(memory_format=torch.channels_last), tile=TILE, overlap=OVERLAP)
        image = image.clamp(0, 1)
    if image.shape[3] > size:
        image = F.interpolate(image, size=(size, size), mode="bicubic", antialias=True).clamp(0, 1)
    return image.contiguous()
