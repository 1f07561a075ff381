import cv2
import numpy as np
import pytest
import torch

from photopulse.networks.damage_mask import DamageMaskNet, DamageMaskSettings, top_hats

TINY = DamageMaskSettings(widths=(4, 6, 8), blocks=(1, 1, 1))


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (64, 48)])
def test_each_pixel_of_any_picture_gets_a_logit(size: tuple[int, int]):
    with torch.no_grad():
        assert DamageMaskNet(TINY)(torch.rand(2, 3, *size)).shape == (2, 1, *size)


def test_an_untrained_network_takes_damage_for_rare():
    with torch.no_grad():
        assert DamageMaskNet(TINY)(torch.rand(1, 3, 32, 32)).sigmoid().max() < 0.1


def test_top_hats_are_those_of_opencv():
    photo = torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(0))
    gray, kernel = photo.mean(1)[0].numpy(), np.ones((5, 5), np.uint8)
    for hat, kind in zip(top_hats(photo, 5), (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT), strict=True):
        np.testing.assert_allclose(hat[0, 0].numpy(), cv2.morphologyEx(gray, kind, kernel), atol=1e-6)


def test_a_network_that_learned_gives_a_tile_what_it_gives_the_whole():
    """So that large pictures can be looked at in tiles: what is far away does not matter."""
    net = DamageMaskNet(TINY).eval()
    torch.nn.init.normal_(net.last.weight, std=0.1)
    photo = torch.rand(1, 3, 96, 256, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole, part = net(photo), net(photo[..., :192])
    torch.testing.assert_close(part[..., :96], whole[..., :96], atol=1e-5, rtol=0)
