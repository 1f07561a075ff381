"""Which bands are the photo's, where the drawing is trusted, and what a tint is."""

import torch
from torch import Tensor

from photopulse.restoration.face_bands import tinted_like, where_alike, with_photo_bands


def waves(cycles: float, colour: tuple[float, float, float] = (1, 1, 1)) -> Tensor:
    """Stripes of that many cycles over 128 px, (1, 3, 128, 128)."""
    line = torch.sin(torch.arange(128) * (2 * torch.pi * cycles / 128))
    return 0.5 + 0.2 * line.expand(1, 1, 128, 128) * torch.tensor(colour).view(1, 3, 1, 1)


def test_coarse_bands_are_the_photos_and_fine_ones_the_faces():
    middle = (..., slice(32, 96), slice(32, 96))
    mixed = with_photo_bands(waves(40), waves(2), 32)
    torch.testing.assert_close(mixed[middle], (waves(2) + waves(40) - 0.5)[middle], atol=0.02, rtol=0)
    assert torch.allclose(with_photo_bands(waves(40), waves(40), 32), waves(40), atol=1e-5)


def test_colours_of_the_photo_are_kept_where_they_are_coarse_and_those_of_the_face_where_they_are_fine():
    red, middle = (0.7, -0.3, -0.1), (..., slice(32, 96), slice(32, 96))
    coarse, fine = waves(1, red), waves(20, red)
    mixed = with_photo_bands(coarse, coarse + fine - 0.5, 64)
    torch.testing.assert_close(mixed[middle], coarse[middle], atol=0.03, rtol=0)
    mixed = with_photo_bands(fine, coarse, 64)
    torch.testing.assert_close(mixed[middle], (coarse + fine - 0.5)[middle], atol=0.06, rtol=0)


def test_what_the_photo_shows_and_the_drawing_does_not_is_not_trusted():
    photo, face = waves(3), waves(3)
    assert where_alike(face, photo, 48).min() > 0.999
    hand = photo.clone()
    hand[..., 40:80, 50:90] = 0.95
    trust = where_alike(face, hand, 48)
    assert trust.shape == (1, 1, 128, 128)
    assert trust[..., 55:65, 65:75].max() < 0.2
    assert trust[..., :20].min() > 0.95
    # Fine detail is what a drawing is for.
    assert where_alike(waves(3) + waves(50) - 0.5, photo, 48).min() > 0.99


def test_a_tint_is_kept_and_colours_are_left_alone():
    drawn = waves(5, (1, 0.6, 0.8))
    gray = tinted_like(drawn, waves(3))
    torch.testing.assert_close(gray[:, :1].expand(-1, 3, -1, -1), gray)
    sepia = waves(3) * torch.tensor([1.0, 0.85, 0.7]).view(1, 3, 1, 1)
    toned = tinted_like(drawn, sepia)
    lighter = toned.mean(1, keepdim=True) > toned.mean()
    torch.testing.assert_close(toned[:, 1] / toned[:, 0], torch.full_like(toned[:, 0], 0.85), atol=0.02, rtol=0)
    assert lighter.any()
    colourful = torch.cat([waves(3)[:, :1], waves(7)[:, 1:2], waves(5)[:, 2:]], dim=1)
    assert torch.equal(tinted_like(drawn, colourful), drawn)
