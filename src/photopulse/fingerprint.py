"""Telling weights apart."""

import hashlib
from collections.abc import Iterator

import torch


def weights_hash(module: object) -> str:
    """Hashes the names and values of a network's weights as hex digits; empty for what is no network."""
    if not isinstance(module, torch.nn.Module):
        return ""
    digest = hashlib.sha256()
    for part in weights_bytes(module):
        digest.update(part)
    return digest.hexdigest()


def weights_bytes(module: object) -> Iterator[bytes]:
    """Yields the names and values of a network's weights, sorted by name; nothing for what is no network."""
    if not isinstance(module, torch.nn.Module):
        return
    for name, values in sorted(module.state_dict().items()):
        yield name.encode()
        yield values.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
