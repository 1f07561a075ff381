import pytest
import torch

from photopulse.networks.face_decoder import FaceDecoder

pytestmark = pytest.mark.usefixtures("one_thread")

WIDTHS = (4, 5, 6, 7, 8)


@pytest.fixture
def decoder() -> FaceDecoder:
    torch.manual_seed(0)
    return FaceDecoder(WIDTHS, middle=1)


@pytest.mark.parametrize("sizes", [1, 2, 3, 4, 5])
def test_each_tensor_more_doubles_the_face(decoder: FaceDecoder, sizes: int):
    small, skips = decoder.random_inputs(2, size=2, sizes=sizes, generator=torch.Generator().manual_seed(0))
    assert decoder(small, skips).shape == (2, 3, 2 * 2**sizes, 2 * 2**sizes)


def test_what_it_takes_as_a_gan_is_standard_normal_repeats_and_grows(decoder: FaceDecoder):
    small, skips = decoder.random_inputs(2, size=4, sizes=5, generator=torch.Generator().manual_seed(3))
    assert [tuple(tensor.shape) for tensor in (small, *skips)] == [
        (2, 8, 4, 4),
        (2, 7, 8, 8),
        (2, 6, 16, 16),
        (2, 5, 32, 32),
        (2, 4, 64, 64),
        (2, 12, 64, 64),  # three channels of 128 x 128
    ]
    assert abs(skips[-1].mean().item()) < 0.03
    assert abs(skips[-1].std().item() - 1) < 0.03
    again, fewer = decoder.random_inputs(2, size=4, sizes=1, generator=torch.Generator().manual_seed(3))
    assert torch.equal(again, small)
    assert torch.equal(fewer[0], skips[0])


def test_the_strength_of_the_small_tensor_does_not_matter(decoder: FaceDecoder):
    small, skips = decoder.random_inputs(1, size=2, sizes=2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(decoder(small * 100, skips), decoder(small, skips), rtol=0, atol=1e-3)
    assert not torch.allclose(decoder(small.roll(1, dims=3), skips), decoder(small, skips), atol=1e-2)


@pytest.mark.parametrize("sizes", [3, 5])
def test_every_tensor_reaches_the_face(decoder: FaceDecoder, sizes: int):
    small, skips = decoder.random_inputs(1, size=2, sizes=sizes, generator=torch.Generator().manual_seed(0))
    inputs = [tensor.requires_grad_() for tensor in (small, *skips)]
    decoder(small, skips).square().sum().backward()
    assert all(tensor.grad is not None and tensor.grad.abs().max() > 0 for tensor in inputs)


def test_without_its_colours_it_draws_nothing_until_it_learns_them_anew(decoder: FaceDecoder):
    small, skips = decoder.random_inputs(1, size=2, sizes=5, generator=torch.Generator().manual_seed(0))
    before = decoder.middle[0].conv1.weight.clone()
    decoder.forget_colours()
    assert not decoder(small, skips).any()
    assert torch.equal(decoder.middle[0].conv1.weight, before)
    decoder(small, skips).sum().backward()
    assert decoder.last.weight.grad.abs().max() > 0


def test_a_face_without_any_tensor_beside_is_refused(decoder: FaceDecoder):
    with pytest.raises(ValueError, match="at least one"):
        decoder(torch.zeros(1, 8, 2, 2), [])
