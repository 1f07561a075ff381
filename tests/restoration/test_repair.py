"""Repair, with toys for networks: damage is what is nearly white, and 1 px around; holes stay filled smoothly."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from photopulse.errors import PhotopulseError
from photopulse.faces.detect import Face
from photopulse.images import Photo, write_image
from photopulse.restoration.look import PhotoDamage
from photopulse.restoration.networks import RestoreNetworks
from photopulse.restoration.repair import find_damage, repair
from photopulse.restoration.restore import restore_photo
from photopulse.restoration.settings import RestoreSettings

AUTO = RestoreSettings(repair="auto")
CLEAN = PhotoDamage(noise=0, chroma_noise=0, jpeg_quality=100, blur=0.5)


class WhiteIsDamage(nn.Module):
    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        return nn.functional.max_pool2d(40 * (photo.amin(1, keepdim=True) - 0.85), 3, stride=1, padding=1)


@pytest.fixture
def kit(toy_restore_kit):
    return toy_restore_kit(damage_net=WhiteIsDamage(), look=lambda _photo: CLEAN)


@pytest.fixture
def networks(kit) -> RestoreNetworks:
    return RestoreNetworks(kit, "a photo")


def scratched(height: int = 60, width: int = 80) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth picture, and the same with a white line."""
    y, x = torch.meshgrid(torch.linspace(0.2, 0.5, height), torch.linspace(0, 0.2, width), indexing="ij")
    whole = torch.stack([y, y + x, y - x])[None].contiguous()
    line = whole.clone()
    line[:, :, :, width // 2 : width // 2 + 2] = 1
    return whole, line


def as_photo(pixels: torch.Tensor, **others) -> Photo:
    return replace(Photo(pixels=pixels, alpha=None, gray=False, bits=8, icc_profile=None, exif=None), **others)


def test_a_scratch_is_found_and_filled_and_the_rest_stays_as_it_was(kit):
    whole, line = scratched()
    restored = restore_photo(line, kit=kit, settings=AUTO)
    torch.testing.assert_close(restored.image, whole, atol=6 / 255, rtol=0)
    far = torch.ones(80, dtype=torch.bool)
    far[36:46] = False
    assert torch.equal(restored.image[..., far], line[..., far])
    assert restored.mask is not None
    assert restored.mask[0, 0].any(0).nonzero().flatten().tolist() == [39, 40, 41, 42]
    assert restored.repaired == pytest.approx(4 / 80)
    assert list(restored.seconds) == ["read", "look", "repair", "detect"]


def test_an_undamaged_photo_stays_exactly_as_it_is(kit):
    whole, _ = scratched()
    restored = restore_photo(whole, kit=kit, settings=AUTO)
    assert torch.equal(restored.image, whole)
    assert restored.repaired == 0


@pytest.mark.parametrize("settings", [{}, {"repair": "auto", "only": "face"}, {"repair": "auto", "strength": 0.0}])
def test_nothing_is_repaired_where_that_is_not_wanted(kit, settings):
    _, line = scratched()
    restored = restore_photo(line, kit=kit, settings=RestoreSettings(**settings))
    assert torch.equal(restored.image, line)
    assert (restored.mask, restored.repaired) == (None, None)
    assert "repair" not in restored.seconds


def test_half_the_strength_repairs_half(toy_restore_kit):
    _, line = scratched()
    kit = toy_restore_kit(damage_net=WhiteIsDamage(), photo_net=nn.Identity())
    full, half = (
        restore_photo(line, kit=kit, settings=RestoreSettings(strength=strength, repair="auto")).image
        for strength in (1.0, 0.5)
    )
    torch.testing.assert_close(half, (line + full) / 2)


def test_faces_are_looked_for_in_the_repaired_photo(toy_restore_kit):
    class Watching:
        def detect(self, image: torch.Tensor) -> list[Face]:
            self.seen = image.clone()
            return []

    detector = Watching()
    whole, line = scratched()
    restore_photo(
        line,
        kit=toy_restore_kit(damage_net=WhiteIsDamage(), look=lambda _photo: CLEAN, detector=detector),
        settings=AUTO,
    )
    torch.testing.assert_close(detector.seen, whole, atol=6 / 255, rtol=0)


@pytest.mark.parametrize("size", [(40, 200), (1500, 300), (2100, 2300)])
def test_photos_of_any_size_are_repaired(networks, size):
    whole, line = scratched(*size)
    line[..., : size[1] // 2] = whole[..., : size[1] // 2]
    line[..., size[1] // 2 : size[1] // 2 + 2 + max(size) // 256] = 1
    repaired = repair(as_photo(line), networks, None)
    torch.testing.assert_close(repaired.pixels, whole, atol=8 / 255, rtol=0)


def test_a_black_and_white_photo_stays_so_and_a_tinted_one_keeps_its_tint(networks):
    _, line = scratched()
    gray = line.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    repaired = repair(as_photo(gray), networks, None).pixels
    assert torch.equal(repaired[:, 0], repaired[:, 1])
    assert torch.equal(repaired[:, 0], repaired[:, 2])
    assert not torch.equal(repaired, gray)


def test_what_is_transparent_or_not_in_the_file_is_no_damage(networks):
    _, line = scratched()
    alpha = torch.ones(1, 1, 60, 80)
    alpha[:, :, :30] = 0
    rows = find_damage(as_photo(line, alpha=alpha), networks.damage)[0, 0].any(1)
    assert rows.nonzero().min() == 30
    rows = find_damage(as_photo(line, missing_rows=10), networks.damage)[0, 0].any(1)
    assert rows.nonzero().max() < 50


def test_a_picture_that_seems_damaged_all_over_is_left(networks):
    assert not find_damage(as_photo(torch.ones(1, 3, 40, 40)), networks.damage).any()


def test_what_is_doubtful_counts_beside_what_is_sure_only(toy_restore_kit):
    class Graded(nn.Module):
        def forward(self, photo: torch.Tensor) -> torch.Tensor:
            logits = torch.full_like(photo[:, :1], -9)
            logits[:, :, 10, 5:20], logits[:, :, 10, 19] = 2.5, 6
            logits[:, :, 30, 5:20] = 2.5
            return logits

    networks = RestoreNetworks(toy_restore_kit(damage_net=Graded()), "a photo")
    found = find_damage(as_photo(torch.full((1, 3, 40, 40), 0.5)), networks.damage)[0, 0]
    assert found[10].nonzero().flatten().tolist() == list(range(5, 20))
    assert found.sum() == 15


class TestOwnMask:
    def test_what_is_white_is_repaired_and_nothing_else(self, kit, tmp_path: Path):
        whole, line = scratched()
        drawn = torch.zeros(1, 3, 60, 80)
        drawn[..., :30, 38:44] = 1
        write_image(tmp_path / "mask.png", drawn)
        restored = restore_photo(line, mask=tmp_path / "mask.png", kit=kit, settings=AUTO)
        torch.testing.assert_close(restored.image[:, :, :20], whole[:, :, :20], atol=6 / 255, rtol=0)
        assert torch.equal(restored.image[:, :, 40:], line[:, :, 40:])

    def test_a_black_one_changes_nothing(self, kit):
        _, line = scratched()
        assert torch.equal(restore_photo(line, mask=torch.zeros(1, 3, 60, 80), kit=kit, settings=AUTO).image, line)

    def test_one_of_another_size_is_refused(self, kit):
        _, line = scratched()
        with pytest.raises(PhotopulseError, match=r"81 x 60 px, the photo 80 x 60.*--save-mask"):
            restore_photo(line, mask=torch.zeros(1, 3, 60, 81), kit=kit, settings=AUTO)

    def test_one_that_leaves_nothing_to_repair_from_is_refused(self, kit):
        _, line = scratched()
        with pytest.raises(PhotopulseError, match="nothing is left"):
            restore_photo(line, mask=torch.ones(1, 3, 60, 80), kit=kit, settings=AUTO)

    def test_one_that_cannot_be_read_is_told(self, kit, tmp_path: Path):
        _, line = scratched()
        with pytest.raises(PhotopulseError, match=r"nothing\.png"):
            restore_photo(line, mask=tmp_path / "nothing.png", kit=kit, settings=AUTO)


def test_the_white_border_of_a_print_is_no_damage(networks):
    bordered = torch.full((1, 3, 200, 160), 0.5)
    for edge in (bordered[..., :8, :], bordered[..., -8:, :], bordered[..., :8], bordered[..., -8:]):
        edge.fill_(1.0)
    assert not find_damage(as_photo(bordered), networks.damage).any()
    bordered[..., 101, 40:120] = 1.0
    found = find_damage(as_photo(bordered), networks.damage)
    assert found[0, 0, 101, 60:100].all()
    assert not found[0, 0, :8].any()


def test_a_scratch_with_a_speck_on_it_is_damage_and_a_blob_is_none(networks):
    pixels = torch.full((1, 3, 200, 160), 0.5)
    pixels[..., 10:190, 40] = 1.0  # A scratch,
    pixels[..., 90:96, 38:43] = 1.0  # its speck,
    pixels[..., 60:100, 90:140] = 1.0  # and a collar.
    found = find_damage(as_photo(pixels), networks.damage)[0, 0]
    assert found[20:180, 40].all()
    assert not found[60:100, 90:140].any()


def test_the_middle_of_a_speck_is_damage_too():
    class Ring(nn.Module):
        def forward(self, photo: torch.Tensor) -> torch.Tensor:
            logits = torch.full_like(photo[:, :1], -10.0)
            logits[..., 20:24, 30:34] = 10.0
            logits[..., 22, 32] = -10.0
            return logits

    found = find_damage(as_photo(torch.full((1, 3, 60, 80), 0.5)), lambda photo: Ring()(photo).sigmoid())
    assert found[0, 0, 20:24, 30:34].all()
