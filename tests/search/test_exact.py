"""The exact projection against Pillow's resampling, NumPy's pseudo-inverse and pictures that are hard to reach."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from skimage import data
from torch import Tensor

from photopulse.degrade import (
    Bicubic,
    Box,
    CustomKernel,
    Declared,
    Degradation,
    Jpeg,
    Lanczos,
    Nearest,
    make_degradation,
)
from photopulse.search.exact import project_exactly

PROMISED = 1e-6
PILLOW = {"box": Image.Resampling.BOX, "bilinear": Image.Resampling.BILINEAR, "lanczos": Image.Resampling.LANCZOS}


def photo(size: int = 128) -> Tensor:
    face = Image.fromarray(data.astronaut()[:256, 96:352]).resize((size, size), Image.Resampling.BOX)
    return torch.from_numpy(np.array(face)).permute(2, 0, 1)[None] / 255


def search_answer(face: Tensor, *, seed: int = 0, amplitude: float = 0.04) -> Tensor:
    """The face in other light, as a search leaves it: a smooth random field of colour is added."""
    random = torch.Generator().manual_seed(seed)
    colours = torch.randn(1, 3, 6, 6, generator=random)
    return face + amplitude * F.interpolate(colours, size=face.shape[2:], mode="bicubic")


def as_file(image: Tensor) -> Tensor:
    return (image.clamp(0, 1) * 255).round() / 255


def error(image: Tensor, target: Tensor, degradation: Degradation) -> float:
    return (degradation(image.double()) - target).square().mean().item()


def gaussian_kernel(std: float, size: int) -> Tensor:
    line = torch.exp(-((torch.arange(size) - (size - 1) / 2) ** 2) / (2 * std**2))
    kernel = torch.outer(line, line)
    return kernel / kernel.sum()


@pytest.mark.parametrize("name", list(PILLOW))
@pytest.mark.parametrize("factor", [8, 16])
def test_pillow_downscales_the_written_picture_to_the_input(name: str, factor: int) -> None:
    face = photo()
    target = as_file(make_degradation(name, factor=factor)(face))
    image = search_answer(face)
    written = as_file(project_exactly(image, target, make_degradation(name, factor=factor)))
    small = (128 // factor, 128 // factor)

    def by_pillow(picture: Tensor) -> np.ndarray:
        planes = [Image.fromarray(plane.numpy(), mode="F").resize(small, PILLOW[name]) for plane in picture[0]]
        return np.stack([np.asarray(plane) for plane in planes])

    assert np.square(by_pillow(image.clamp(0, 1)) - target[0].numpy()).mean() > 5e-4
    assert np.square(by_pillow(written) - target[0].numpy()).mean() < PROMISED


@pytest.mark.parametrize(
    "degradation",
    [
        Bicubic(4),
        Bicubic(8),
        Bicubic(64),
        Bicubic(128),
        Nearest(8),
        CustomKernel(gaussian_kernel(4, 31), 8),
        CustomKernel(torch.eye(9) / 9, 8),
        CustomKernel(F.pad(torch.ones(1, 1), (0, 8, 0, 8)), 8),
    ],
    ids=lambda operator: f"{operator.name}-{operator.factor}",
)
def test_the_written_picture_downscales_to_the_input(degradation: Degradation) -> None:
    face = photo()
    target = as_file(degradation(face))
    image = search_answer(face)
    assert error(image.clamp(0, 1), target, degradation) > 50 * PROMISED
    projected = project_exactly(image, target, degradation)
    assert projected.min() >= 0
    assert projected.max() <= 1
    assert error(projected, target, degradation) <= 1.01e-7
    assert error(as_file(projected), target, degradation) < PROMISED


def test_a_picture_need_not_be_square() -> None:
    face = photo()[:, :, :, :48]
    target = as_file(Bicubic(8)(face))
    assert target.shape == (1, 3, 16, 6)
    assert error(project_exactly(search_answer(face), target, Bicubic(8)), target, Bicubic(8)) < PROMISED


def test_the_correction_is_hardly_larger_than_the_least_squares_one() -> None:
    face, degradation = photo(32) * 0.5 + 0.25, Bicubic(8)
    image, target = search_answer(face), as_file(degradation(face))
    basis = torch.eye(32 * 32).view(-1, 1, 32, 32).expand(-1, 3, -1, -1)
    matrix = degradation(basis)[:, 0].flatten(1).double().numpy().T
    missing = (target - degradation(image)).double().numpy().reshape(3, -1)
    least = np.linalg.pinv(matrix) @ missing.T
    correction = project_exactly(image, target, degradation, tolerance=1e-10) - image
    assert correction.norm().item() == pytest.approx(np.linalg.norm(least), rel=0.05)


@pytest.mark.parametrize("degradation", [Nearest(16), Box(16)], ids=["nearest", "box"])
def test_the_correction_shows_neither_dots_nor_blocks(degradation: Degradation) -> None:
    face = photo() * 0.5 + 0.25
    image, target = search_answer(face), as_file(degradation(face))
    correction = project_exactly(image, target, degradation) - image
    steepest = max(correction.diff(dim=axis).abs().max().item() for axis in (2, 3))
    # Blocks would jump by the whole difference of two neighbours, dots by the whole correction.
    assert steepest < 0.2 * correction.abs().max().item()


@pytest.mark.parametrize("name", ["bicubic", "box", "lanczos", "nearest"])
def test_clamped_pixels_do_not_spoil_the_equality(name: str) -> None:
    degradation = make_degradation(name, factor=8)
    face = ((photo() - 0.5) * 4 + 0.5).clamp(0, 1)
    target = as_file(degradation(face))
    image = search_answer(face)
    assert error(image.clamp(0, 1), target, degradation) > 500 * PROMISED
    written = as_file(project_exactly(image, target, degradation))
    assert ((written == 0) | (written == 1)).float().mean() > 0.3
    assert error(written, target, degradation) < PROMISED


def test_what_no_smooth_correction_reaches_the_transpose_finishes() -> None:
    blocks = (torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(3)) > 0.5).float()
    # Black and white blocks side by side leave the picture no freedom at all.
    projected = project_exactly(photo(), blocks, Box(4))
    assert error(projected, blocks, Box(4)) < PROMISED
    torch.testing.assert_close(projected, F.interpolate(blocks, scale_factor=4), atol=0.02, rtol=0)


def test_a_target_out_of_reach_gets_a_closer_picture() -> None:
    checkers = (torch.arange(16)[:, None] + torch.arange(16)) % 2
    target = checkers.float().expand(1, 3, 16, 16)
    image = photo()
    projected = project_exactly(image, target, Bicubic(8))
    assert projected.isfinite().all()
    assert error(projected, target, Bicubic(8)) < error(image, target, Bicubic(8)) / 2


def test_a_picture_that_fits_already_comes_back_as_it_is() -> None:
    face = photo()
    assert torch.equal(project_exactly(face, Bicubic(8)(face), Bicubic(8)), face)


def test_an_item_does_not_depend_on_its_batch() -> None:
    faces = torch.cat([photo(64), photo(64).flip(3), photo(64).flip(2)])
    images = torch.cat([search_answer(face[None], seed=i) for i, face in enumerate(faces)])
    target = as_file(Lanczos(8)(faces))
    alone = [project_exactly(images[i : i + 1], target[i : i + 1], Lanczos(8)) for i in range(3)]
    assert torch.equal(project_exactly(images, target, Lanczos(8)), torch.cat(alone))


def test_modes_of_the_caller_change_nothing() -> None:
    # The delta at the kernel's corner needs the transpose too.
    degradation = CustomKernel(F.pad(torch.ones(1, 1), (0, 8, 0, 8)), 8)
    face = photo()
    image, target = search_answer(face), as_file(degradation(face))
    expected = project_exactly(image.requires_grad_(), target, degradation)
    assert not expected.requires_grad
    with torch.inference_mode():
        assert torch.equal(project_exactly(image, target, degradation), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(project_exactly(image, target, degradation), expected)
    low = project_exactly(image.to(torch.bfloat16), target, degradation)
    assert low.dtype == torch.float32
    assert error(low, target, degradation) < PROMISED


@pytest.mark.parametrize("factor", [2, 8, 64])
def test_a_degradation_that_is_not_linear_is_refused(factor: int) -> None:
    side = 128 // factor
    with pytest.raises(ValueError, match="'bicubic\\+jpeg:90' is not linear"):
        project_exactly(photo(), torch.rand(1, 3, side, side), Declared((), Bicubic(factor), (Jpeg(90),)))


@pytest.mark.parametrize("shape", [(1, 3, 8, 16), (2, 3, 16, 16), (3, 16, 16)])
def test_a_target_of_another_size_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="does not downscale by 8"):
        project_exactly(photo(), torch.zeros(shape), Bicubic(8))
