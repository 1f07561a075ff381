"""Weights told apart, against a hash worked by hand."""

import hashlib

import numpy as np
import torch

from photopulse.fingerprint import weights_bytes, weights_hash


def test_the_hash_is_of_names_and_values_sorted_by_name():
    net = torch.nn.Linear(2, 1)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[1.0, 2.0]]))
        net.bias.copy_(torch.tensor([3.0]))
    told = b"bias" + np.float32([3]).tobytes() + b"weight" + np.float32([1, 2]).tobytes()
    assert b"".join(weights_bytes(net)) == told
    assert weights_hash(net) == hashlib.sha256(told).hexdigest()


def test_what_is_no_network_has_no_hash():
    assert weights_hash(None) == ""
    assert list(weights_bytes("pulse")) == []
