import torch

from photopulse.training.restoration.recolouring import recoloured, tinted


def _picture() -> torch.Tensor:
    return torch.rand(1, 3, 8, 9, generator=torch.Generator().manual_seed(1))


def test_other_colours_keep_a_gray_picture_gray():
    gray = _picture()[:, :1].expand(-1, 3, -1, -1)
    changed = recoloured(gray, torch.Generator().manual_seed(2))
    torch.testing.assert_close(changed, gray, rtol=0, atol=1e-5)


def test_hues_turn_differently_with_each_draw():
    random = torch.Generator().manual_seed(2)
    first, second = recoloured(_picture(), random), recoloured(_picture(), random)
    assert not torch.allclose(first, second, atol=0.05)
    assert 0 <= min(first.min(), second.min()) <= max(first.max(), second.max()) <= 1


def test_a_tinted_picture_has_one_colour_for_each_brightness():
    made = tinted(_picture(), torch.Generator().manual_seed(2))[0].flatten(1)
    order = made[0].argsort()
    for channel in made:
        assert (channel[order].diff() >= -1e-6).all()
