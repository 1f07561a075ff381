"""Fingerprints of weights: two networks have the same one exactly if their weights are equal."""

import hashlib
from collections.abc import Iterator

import torch


def weights_hash(module: object) -> str:
    """Returns the sha256 of a network's weights, names and values, as 64 hex digits; "" for anything but a module."""
    if not isinstance(module, torch.nn.Module):
        return ""
    digest = hashlib.sha256()
    for part in weights_bytes(module):
        digest.update(part)
    return digest.hexdigest()


def weights_bytes(module: object) -> Iterator[bytes]:
    """Yields the names and values of a network's weights as bytes, sorted by name; nothing for anything but a module.

    Buffers in the state dict count as weights.
    """
    if not isinstance(module, torch.nn.Module):
        return
    for name, values in sorted(module.state_dict().items()):
        yield name.encode()
        yield values.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
