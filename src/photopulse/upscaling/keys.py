"""Keys of results: hashes of everything on which a large face depends."""

from torch import Tensor

from photopulse.fingerprint import weights_hash
from photopulse.images import to_uint8
from photopulse.runs.keys import key
from photopulse.search.kit import SearchKit
from photopulse.upscaling.upscale import UpscaleSettings


def run_key(kit: SearchKit, settings: UpscaleSettings) -> str:
    """Hashes what every result of a run depends on: settings, kernel, and weights of generator, encoder and twins."""
    networks: list[object] = [kit.generator]
    if settings.method == "fast":
        networks += [kit.encoder, *(twin.tail for twin in kit.twins_for(kit.generator.resolution))]
    weights = [weights_hash(network) for network in networks]
    return key(kit.generator.name, weights, settings)


def answer_key(run: str, target: Tensor, seed: int) -> str:
    """Computes the key of one result from the ``run_key``; batch size and recorded pictures do not change it."""
    return key(run, to_uint8(target), seed)
