"""Keys of results: hashes of everything on which a large face depends."""

from torch import Tensor

from photopulse.fingerprint import weights_hash
from photopulse.images import to_uint8
from photopulse.runs.keys import arithmetic, key
from photopulse.search.kit import SearchKit
from photopulse.upscaling.upscale import UpscaleSettings


def run_key(kit: SearchKit, settings: UpscaleSettings, *, batch_size: int = 1) -> str:
    """Hashes what every result of a run depends on.

    That are the settings and the kernel; the weights of generator, encoder and twins; the Gaussian of W; and what
    decides on the last digits of every sum: the number of threads and that of the results which are searched at once.
    """
    networks: list[object] = [kit.generator]
    if settings.method == "fast":
        networks += [kit.encoder, *(twin.tail for twin in kit.twins_for(kit.generator.resolution))]
    weights = [weights_hash(network) for network in networks]
    gaussian = [values.cpu().numpy() for values in (kit.prior.mean, kit.prior.std)]
    return key(kit.generator.name, weights, settings, gaussian, arithmetic(), batch_size)


def answer_key(run: str, target: Tensor, seed: int) -> str:
    """Computes the key of one result from the ``run_key``; recorded pictures do not change it."""
    return key(run, to_uint8(target), seed)
