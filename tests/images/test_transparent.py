import torch

from photopulse.images.transparent import with_visible_colours


def test_what_cannot_be_seen_gets_the_colour_of_the_nearest_that_can():
    pixels = torch.zeros(1, 3, 5, 9)
    pixels[:, 1] = 1  # hidden green
    pixels[:, :, :, :3] = torch.tensor([0.8, 0.1, 0.2]).view(1, 3, 1, 1)
    pixels[:, :, :, 7:] = 0.5
    alpha = torch.zeros(1, 1, 5, 9)
    alpha[..., :3] = alpha[..., 7:] = 1
    filled = with_visible_colours(pixels, alpha)
    assert torch.equal(filled[..., :3], pixels[..., :3])
    torch.testing.assert_close(filled[0, :, 2, 4], torch.tensor([0.8, 0.1, 0.2]))
    torch.testing.assert_close(filled[0, :, 2, 6], torch.full((3,), 0.5))


def test_opaque_and_quite_transparent_pictures_stay_as_they_are():
    pixels = torch.rand(1, 3, 4, 4)
    for opacity in (0.0, 1.0):
        assert torch.equal(with_visible_colours(pixels, torch.full((1, 1, 4, 4), opacity)), pixels)
