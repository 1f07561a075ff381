import hashlib
from collections.abc import Callable

import pytest
import torch

from photopulse.generators.mobilestylegan import MobileStyleGAN
from photopulse.search.cache_names import cache_stem


def test_the_fingerprint_is_of_the_numbers(tiny_generator: MobileStyleGAN):
    wanted = hashlib.sha256(b"\x01\x00\xff\xff").hexdigest()[:16]
    assert cache_stem(tiny_generator, torch.tensor([1, -1], dtype=torch.int16)) == f"tiny-{wanted}"


@pytest.mark.parametrize("name", ["../../escape", "a/b", "..", "C:\\x", "nul\0l", "name with spaces"])
def test_every_name_becomes_one_of_a_file(build_generator: Callable[..., MobileStyleGAN], name: str):
    stem = cache_stem(build_generator(name=name), torch.zeros(1, dtype=torch.int16))
    assert not set(stem) & set("./\\ \0:")
