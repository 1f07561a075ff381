"""Holes that are filled: smoothly, and by the network on top of that."""

import pytest
import torch

from photopulse.networks.inpaint import InpaintNet, InpaintSettings, fill_holes, fill_smoothly, halved

TINY = InpaintSettings(widths=(4, 6), blocks=(1, 1))


def hole(height: int, width: int, rows: slice, columns: slice) -> torch.Tensor:
    mask = torch.zeros(1, 1, height, width)
    mask[:, :, rows, columns] = 1
    return mask


def ramp(height: int, width: int) -> torch.Tensor:
    """A plane: the harmonic fill of any hole in it is the plane itself."""
    y, x = torch.meshgrid(torch.linspace(0, 0.5, height), torch.linspace(0, 0.5, width), indexing="ij")
    return (x + y).expand(1, 3, -1, -1).contiguous()


def trained() -> InpaintNet:
    torch.manual_seed(0)
    net = InpaintNet(TINY).eval().requires_grad_(False)
    torch.nn.init.normal_(net.last.weight, std=0.05)
    return net


@pytest.mark.parametrize(
    ("rows", "columns"), [(slice(30, 34), slice(5, 90)), (slice(20, 40), slice(40, 60)), (slice(0, 64), slice(31, 33))]
)
def test_a_hole_in_a_plane_is_filled_by_the_plane(rows: slice, columns: slice):
    plane, mask = ramp(65, 97), hole(65, 97, rows, columns)
    filled = fill_smoothly(plane.where(mask == 0, torch.tensor(9.0)), mask)
    torch.testing.assert_close(filled, plane, atol=4 / 255, rtol=0)


def test_what_is_in_a_hole_does_not_matter_and_what_is_around_stays():
    picture, mask = torch.rand(1, 3, 33, 40), hole(33, 40, slice(3, 9), slice(0, 30))
    filled = fill_smoothly(picture, mask)
    assert torch.equal(filled, fill_smoothly(picture * (1 - mask), mask))
    assert torch.equal(filled.where(mask == 0, picture), picture)
    assert filled.min() >= picture.min()
    assert filled.max() <= picture.max()


def test_pictures_of_a_batch_are_filled_one_by_one():
    pictures = torch.rand(2, 3, 20, 20)
    masks = torch.cat([hole(20, 20, slice(2, 4), slice(2, 18)), torch.zeros(1, 1, 20, 20)])
    filled = fill_smoothly(pictures, masks)
    torch.testing.assert_close(filled[:1], fill_smoothly(pictures[:1], masks[:1]))
    assert torch.equal(filled[1], pictures[1])


def test_halving_takes_the_mean_of_what_is_known():
    picture = torch.tensor([[1.0, 5.0, 2.0], [3.0, 9.0, 4.0]]).expand(1, 3, 2, 3)
    mask = torch.tensor([[0.0, 1.0, 1.0], [0.0, 1.0, 1.0]]).view(1, 1, 2, 3)
    small, small_mask = halved(picture, mask)
    assert small.shape == (1, 3, 1, 2)
    assert small[0, 0, 0, 0] == 2
    assert small_mask.flatten().tolist() == [0, 1]


def test_an_untrained_network_fills_smoothly():
    picture, mask = torch.rand(1, 3, 50, 41), hole(50, 41, slice(10, 14), slice(4, 41))
    torch.testing.assert_close(fill_holes(InpaintNet(TINY), picture, mask), fill_smoothly(picture, mask))


@pytest.mark.parametrize("size", [(40, 50), (133, 90)])
@pytest.mark.parametrize("wide", [3, 30])
def test_nothing_changes_around_a_hole(size: tuple[int, int], wide: int):
    picture, mask = torch.rand(1, 3, *size), hole(*size, slice(5, 5 + wide), slice(5, 5 + wide))
    filled = fill_holes(trained(), picture, mask)
    assert torch.equal(filled.where(mask == 0, picture), picture)
    assert (filled != picture).any()


def test_a_picture_without_holes_is_returned_as_it_is():
    picture = torch.rand(1, 3, 30, 30)
    assert fill_holes(trained(), picture, torch.zeros(1, 1, 30, 30)) is picture


def test_a_wide_hole_is_filled_at_half_of_the_size_first():
    """The network is called with the small picture, too."""
    sizes: list[tuple[int, ...]] = []

    def net(filled: torch.Tensor, holes: torch.Tensor) -> torch.Tensor:
        sizes.append(tuple(filled.shape[2:]))
        return filled

    fill_holes(net, torch.rand(1, 3, 128, 128), hole(128, 128, slice(50, 74), slice(50, 74)))
    assert sizes == [(64, 64), (128, 128)]


def test_large_pictures_are_filled_in_tiles_of_which_those_without_holes_are_not_looked_at():
    picture, mask = torch.rand(1, 3, 600, 1200), hole(600, 1200, slice(9, 12), slice(10, 300))
    sizes: list[tuple[int, ...]] = []

    def net(filled: torch.Tensor, holes: torch.Tensor) -> torch.Tensor:
        sizes.append(tuple(filled.shape[2:]))
        return filled + holes

    filled = fill_holes(net, picture, mask)
    assert torch.equal(filled, torch.where(mask > 0, torch.ones(1), picture))
    assert len(sizes) == 1


def test_a_hole_as_large_as_the_picture_is_filled_with_something():
    assert fill_holes(trained(), torch.rand(1, 3, 20, 20), torch.ones(1, 1, 20, 20)).isfinite().all()


def test_the_network_never_looks_into_a_hole():
    """Its input is the smooth fill: two pictures that differ in the hole alone give one result."""
    mask = hole(64, 64, slice(20, 40), slice(20, 40))
    first = torch.rand(1, 3, 64, 64)
    second = torch.where(mask > 0, torch.rand(1, 3, 64, 64), first)
    assert torch.equal(fill_holes(trained(), first, mask) * mask, fill_holes(trained(), second, mask) * mask)
