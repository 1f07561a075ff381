"""The invisible mark in the results of `upscale` and `sample`, with a toy generator that is large enough."""

from dataclasses import replace

import pytest
import torch

from photopulse.degrade import Bicubic
from photopulse.images import read_image
from photopulse.provenance.find import find_mark
from photopulse.provenance.payload import payload_of
from photopulse.search.kit import SearchKit
from photopulse.search.pulse import PulseSettings
from photopulse.upscaling.keys import run_key
from photopulse.upscaling.sample_batch import SampleSettings, sample_files
from photopulse.upscaling.upscale import UpscaleSettings, upscale

SHORT = UpscaleSettings(method="classic", classic=PulseSettings(steps=1))


@pytest.fixture(scope="module")
def generator(build_generator):
    """Makes pictures of 256 px, the smallest that can be marked."""
    return build_generator(channels=(16, 16, 16, 16, 16, 16))


def a_face(generator):
    """An input of 16 px that the generator could have made, in 8 bits."""
    ws = generator.map(torch.randn(1, 16, generator=torch.Generator().manual_seed(5)))
    small = Bicubic(16)(generator.synthesize(ws).clamp(0, 1)).clamp(0, 1)
    return (small * 255).round() / 255


def test_an_upscaled_face_is_marked_with_its_generator_and_seed(generator):
    face, other = upscale(a_face(generator), generator, seed=3, count=2, settings=SHORT)
    for one in (face, other):
        mark = find_mark(one.image, thorough=False)
        assert mark.payload == payload_of("upscale", generator=generator.name, seed=one.seed)
        assert one.mark == str(mark.payload)
    assert face.mark != other.mark


def test_an_exact_face_is_marked_and_exact(generator):
    target = a_face(generator)
    (face,) = upscale(target, generator, settings=replace(SHORT, exact=True))
    assert find_mark(face.image, thorough=False).payload is not None
    rounded = (face.image * 255).round() / 255
    assert (Bicubic(16)(rounded) - target).square().mean() < 1e-6


def test_the_error_that_is_told_is_that_of_the_marked_face(generator):
    target = a_face(generator)
    (face,) = upscale(target, generator, settings=SHORT)
    assert face.downscale_mse == pytest.approx((Bicubic(16)(face.image) - target).square().mean().item(), rel=1e-4)


def test_without_a_mark_there_is_none_and_the_key_differs(generator):
    plain = replace(SHORT, mark="off")
    (face,) = upscale(a_face(generator), generator, settings=plain)
    assert face.mark == "off"
    assert not find_mark(face.image, thorough=False).is_marked
    kit = SearchKit.find(generator)
    assert run_key(kit, plain) != run_key(kit, SHORT)


def test_a_small_face_is_not_marked_and_says_so(tiny_generator):
    assert upscale(torch.rand(1, 3, 8, 8), tiny_generator, settings=SHORT)[0].mark == "too small"


def test_sampled_faces_are_marked_in_their_files(tmp_path, generator):
    for choice, wanted in (("on", str(payload_of("sample", generator=generator.name, seed=7))), ("off", "off")):
        (row,) = sample_files(range(7, 8), tmp_path / choice, generator, SampleSettings(mark=choice))
        assert row.mark == wanted
        found = find_mark(read_image(tmp_path / choice / "000007.png").pixels, thorough=False)
        assert (str(found.payload) if found.payload else "off") == wanted
