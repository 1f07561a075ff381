"""File names in the cache, which differ for two generators of the same name."""

import hashlib

from torch import Tensor

from photopulse.generators.protocol import Generator


def cache_stem(generator: Generator, numbers: Tensor) -> str:
    """Returns ``NAME-FINGERPRINT``, safe as a file name; the fingerprint is a hash of integers on the CPU."""
    fingerprint = hashlib.sha256(numbers.numpy().tobytes()).hexdigest()[:16]
    safe_name = "".join(char if char.isalnum() or char in "-_" else "_" for char in generator.name)
    return f"{safe_name}-{fingerprint}"
