"""Methods that compute a picture in one pass: interpolation and feed-forward networks."""

import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import PIL
from PIL import Image
from torch import Tensor

from photopulse.evaluation.method import Made, Size
from photopulse.fingerprint import weights_hash
from photopulse.images import from_uint8, to_uint8
from photopulse.networks.fsrnet import SIZE, SMALL_SIZE, FSRNet, enlarge_face
from photopulse.networks.fsrnet_weights import FSRNetName, load_fsrnet
from photopulse.networks.realesrgan import enlarge_to, load_realesrgan
from photopulse.networks.rrdb import RRDBNet

FILTERS = {
    "input": Image.Resampling.NEAREST,
    "nearest": Image.Resampling.NEAREST,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, kw_only=True)
class Interpolated:
    """Interpolates with Pillow, with 8 bits, directly to the wanted size.

    Its bicubic filter is that of Keys (1981) with a = -1/2, as in MATLAB's ``imresize``, which papers use; that of
    torch and OpenCV, with a = -3/4, is sharper and rings more.
    """

    name: str

    def native_size(self, small: int, size: int) -> int | None:
        """Returns ``size``, unless that is smaller than the input."""
        return size if size >= small else None

    def fingerprint(self) -> str:
        """Returns the name of the filter and the version of Pillow."""
        return f"{self.name} of Pillow {PIL.__version__}"

    def __call__(self, given: Tensor, size: Size, seed: int) -> Made:  # noqa: ARG002
        """Enlarges (1, 3, h, w) in [0, 1]; nothing is random."""
        picture = Image.fromarray(to_uint8(given))
        started = time.perf_counter()
        large = picture.resize(size, FILTERS[self.name])
        seconds = time.perf_counter() - started
        return Made(image=from_uint8(np.asarray(large)), seconds=seconds)


@dataclass(frozen=True, kw_only=True)
class RealESRGAN:
    """Real-ESRGAN x4plus, chained until the size is reached (Wang et al., ICCV Workshops 2021)."""

    device: str = "cpu"
    name: str = "realesrgan"

    def native_size(self, small: int, size: int) -> int | None:
        """Returns ``size``, unless that is smaller than the input."""
        return size if size >= small else None

    def fingerprint(self) -> str:
        """Returns a hash of the weights."""
        return weights_hash(self._net)

    def __call__(self, given: Tensor, size: Size, seed: int) -> Made:  # noqa: ARG002
        """Enlarges (1, 3, h, h) in [0, 1]; nothing is random."""
        net = self._net
        started = time.perf_counter()
        image = enlarge_to(net, given.to(self.device), size[0]).float().cpu()
        return Made(image=image, seconds=time.perf_counter() - started)

    @cached_property
    def _net(self) -> RRDBNet:
        return load_realesrgan(self.device)


@dataclass(frozen=True, kw_only=True)
class FaceNetwork:
    """FSRNet or FSRGAN (Chen et al., CVPR 2018): 16 px to 128 px, nothing else."""

    name: FSRNetName
    device: str = "cpu"

    def native_size(self, small: int, size: int) -> int | None:
        """Returns 128 for inputs of 16 px and results of 128 px or a fraction of that."""
        return SIZE if small == SMALL_SIZE and SIZE % size == 0 else None

    def fingerprint(self) -> str:
        """Returns a hash of the weights."""
        return weights_hash(self._net)

    def __call__(self, given: Tensor, size: Size, seed: int) -> Made:  # noqa: ARG002
        """Enlarges (1, 3, 16, 16) in [0, 1]; nothing is random."""
        net = self._net
        started = time.perf_counter()
        image = enlarge_face(net, given.to(self.device)).float().cpu()
        return Made(image=image, seconds=time.perf_counter() - started)

    @cached_property
    def _net(self) -> FSRNet:
        return load_fsrnet(self.name, self.device)
