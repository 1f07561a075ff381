"""Fingerprints of work: the same key, the same picture, so a rerun need not make it again."""

import hashlib
import json
from dataclasses import asdict, replace
from importlib.metadata import version

from torch import Tensor

from photopulse.fingerprint import weights_bytes
from photopulse.images import to_uint8
from photopulse.search.kit import SearchKit
from photopulse.upscaling.upscale import UpscaleSettings


def run_key(kit: SearchKit, settings: UpscaleSettings) -> str:
    """Hashes what all answers of a run depend on: version, settings, kernel, the generator's and its twins' weights."""
    told = {
        "version": version("photopulse"),
        "generator": kit.generator.name,
        "settings": asdict(replace(settings, kernel=None)),
        "kernel": settings.kernel.read_bytes().hex() if settings.kernel else None,
    }
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    twins = kit.twins_for(kit.generator.resolution) if settings.method == "fast" else []
    for network in (kit.generator, *(twin.tail for twin in twins)):
        for part in weights_bytes(network):
            digest.update(part)
    return digest.hexdigest()


def answer_key(run: str, target: Tensor, seed: int) -> str:
    """Hashes what one answer depends on, given the ``run_key``; batch size and recording do not change it."""
    digest = hashlib.sha256(f"{run} {tuple(target.shape)} {seed} ".encode())
    digest.update(to_uint8(target).tobytes())
    return digest.hexdigest()
