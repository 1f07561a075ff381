import pytest
import torch

from photopulse.training.coarse import BLOCK_SIZES, coarse_loss


def test_a_shift_of_light_counts_at_every_size():
    sharp = torch.rand(2, 3, 32, 48)
    shift = torch.tensor([0.1, -0.2]).view(2, 1, 1, 1)
    expected = shift.abs().flatten() * len(BLOCK_SIZES)
    torch.testing.assert_close(coarse_loss(sharp + shift, sharp), expected)


@pytest.mark.parametrize(("period", "counted"), [(2, 0), (8, 1), (16, 2), (32, 3)])
def test_what_is_finer_than_the_squares_does_not_count(period, counted):
    """Stripes of plus and minus 0.1, each half a period wide, cancel in squares of a period and more."""
    stripes = torch.where(torch.arange(64) % period < period // 2, 0.1, -0.1).expand(1, 3, 64, 64)
    assert coarse_loss(stripes, torch.zeros_like(stripes)).item() == pytest.approx(0.1 * counted, abs=1e-6)


def test_half_precision_is_compared_in_full():
    sharp = torch.full((1, 3, 16, 16), 0.5)
    made = (sharp + 2**-7).bfloat16()
    assert coarse_loss(made, sharp).dtype == torch.float32
    assert coarse_loss(made, sharp).item() == pytest.approx(3 * 2**-7, rel=1e-3)
