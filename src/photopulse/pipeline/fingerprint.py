"""Telling weights apart."""

import hashlib

import torch


def weights_hash(module: object) -> str:
    """Hashes the names and values of a network's weights as hex digits; empty for what is no network."""
    if not isinstance(module, torch.nn.Module):
        return ""
    digest = hashlib.sha256()
    for name, values in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(values.cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
