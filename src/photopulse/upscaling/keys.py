"""Keys of answers: what a large face depends on."""

from torch import Tensor

from photopulse.fingerprint import weights_hash
from photopulse.images import to_uint8
from photopulse.runs.keys import key
from photopulse.search.kit import SearchKit
from photopulse.upscaling.upscale import UpscaleSettings


def run_key(kit: SearchKit, settings: UpscaleSettings) -> str:
    """Hashes what all answers of a run depend on: settings, kernel, the generator's and its twins' weights."""
    twins = kit.twins_for(kit.generator.resolution) if settings.method == "fast" else []
    weights = [weights_hash(network) for network in (kit.generator, *(twin.tail for twin in twins))]
    return key(kit.generator.name, weights, settings)


def answer_key(run: str, target: Tensor, seed: int) -> str:
    """Hashes what one answer depends on, given the ``run_key``; batch size and recording do not change it."""
    return key(run, to_uint8(target), seed)
