"""Trained networks that enlarge in one pass, as methods to compare."""

import time
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from photopulse.evaluation.method import Enlarged
from photopulse.fingerprint import weights_hash
from photopulse.networks.fsrnet import SIZE, SMALL_SIZE, FSRNet, enlarge_face
from photopulse.networks.fsrnet_weights import FSRNetName, load_fsrnet
from photopulse.networks.realesrgan import enlarge_to, load_realesrgan
from photopulse.networks.rrdb import RRDBNet


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

    def __call__(self, small: Tensor, size: int, seed: int) -> Enlarged:  # noqa: ARG002
        """Enlarges (1, 3, h, h) in [0, 1]; nothing is random."""
        net = self._net
        started = time.perf_counter()
        image = enlarge_to(net, small.to(self.device), size).float().cpu()
        return Enlarged(image=image, seconds=time.perf_counter() - started)

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

    def __call__(self, small: Tensor, size: int, seed: int) -> Enlarged:  # noqa: ARG002
        """Enlarges (1, 3, 16, 16) in [0, 1]; nothing is random."""
        net = self._net
        started = time.perf_counter()
        image = enlarge_face(net, small.to(self.device)).float().cpu()
        return Enlarged(image=image, seconds=time.perf_counter() - started)

    @cached_property
    def _net(self) -> FSRNet:
        return load_fsrnet(self.name, self.device)
