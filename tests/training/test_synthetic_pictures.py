import pytest
import torch

from photopulse.training.restoration.synthetic_pictures import draw_picture, find_fonts

pytestmark = pytest.mark.usefixtures("one_thread")


def _drawn(count: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(3)
    return torch.cat([draw_picture(64, random, fonts=find_fonts()[:8]) for _ in range(count)])


def test_a_picture_depends_on_its_seed_alone_and_is_one():
    pictures = _drawn(24)
    assert torch.equal(pictures, _drawn(24))
    assert pictures.shape == (24, 3, 64, 64)
    assert pictures.dtype == torch.float32
    assert pictures.min() >= 0
    assert pictures.max() <= 1


def test_pictures_have_all_hues_flat_areas_and_the_finest_detail():
    pictures = _drawn(200)
    means = pictures.mean((2, 3))
    assert {means[i].argmax().item() for i in range(len(means))} == {0, 1, 2}
    steps = (pictures[..., 1:] - pictures[..., :-1]).abs().amax((1, 2, 3))
    assert (steps < 0.03).sum() > 10  # Flat ones and skies.
    assert (steps > 0.5).sum() > 50  # Edges within a pixel or two.


def test_matplotlib_brings_fonts_so_that_letters_are_drawn_on_every_machine():
    assert any("DejaVu" in font.name for font in find_fonts())


def test_without_fonts_there_is_no_text_and_no_error():
    random = torch.Generator().manual_seed(0)
    assert all(draw_picture(32, random, fonts=()).isfinite().all() for _ in range(40))
