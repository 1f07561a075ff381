"""Which faces are restored, and where they are told to be."""

import numpy as np
import pytest
import torch

from photopulse.degrade import GaussianBlur
from photopulse.restoration.faces import find_faces, keep_faces, paste_faces, restore_faces
from photopulse.restoration.networks import RestoreNetworks
from photopulse.restoration.settings import RestoreSettings

PHOTO = torch.full((1, 3, 200, 300), 0.5)


def textured():
    """A photo whose power falls with the frequency as that of faces does."""
    noise = torch.randn(1, 1, 200, 300, generator=torch.Generator().manual_seed(0))
    frequency = torch.hypot(torch.fft.fftfreq(200)[:, None], torch.fft.rfftfreq(300)[None]).clamp(min=0.005)
    texture = torch.fft.irfft2(torch.fft.rfft2(noise) * frequency**-1.4, s=(200, 300))
    return (0.5 + 0.15 * texture / texture.std()).clamp(0, 1).expand(1, 3, -1, -1).contiguous()


def fine(photo):
    return photo - GaussianBlur(2)(photo, torch.Generator())


def find(kit, *, growth=1.0, most=32, wanted=()):
    return find_faces(PHOTO, kit.detector, RestoreSettings(max_faces=most, faces=wanted), growth=growth)


def restore(kit, found, fidelity=0.5):
    return restore_faces(PHOTO, found, RestoreNetworks(kit, "a.png"), fidelity=fidelity)


def test_faces_come_largest_first_and_the_small_and_the_many_are_told_why_not(toy_restore_kit):
    kit = toy_restore_kit(faces=[(40, 40, 15), (100, 100, 80), (220, 100, 60), (260, 160, 30)])
    told = [face.told for face in find(kit, most=2)]
    assert [face.side for face in told] == [80, 60, 30, 15]
    assert [face.restored for face in told] == [True, True, False, False]
    assert [face.why_not for face in told] == [
        None,
        None,
        "there are max_faces larger faces",
        "it is smaller than 16 px",
    ]
    assert told[0].confidence == 0.9


def test_places_and_sizes_are_those_of_the_photo_before_it_grew(toy_restore_kit):
    kit = toy_restore_kit(faces=[(99.5, 119.5, 60), (250, 50, 30)])
    large, small = (face.told for face in find(kit, growth=2))
    assert large.side == 30
    corners = np.array(large.corners)
    # The square is symmetric to the face's vertical axis, which a photo half as large has at x = 49.5.
    np.testing.assert_allclose(corners[:, 0].mean(), 49.5, atol=0.1)
    whole = np.array(find(kit)[0].told.corners)
    np.testing.assert_allclose(np.ptp(corners, axis=0) * 2, np.ptp(whole, axis=0), atol=0.3)
    assert (small.restored, small.why_not) == (False, "it is smaller than 16 px")


def test_a_photo_without_faces_has_none(toy_restore_kit):
    assert find(toy_restore_kit()) == []


def test_a_mesh_that_collapsed_is_no_face(toy_restore_kit, monkeypatch):
    kit = toy_restore_kit(faces=[(100, 100, 80)])
    fit = kit.detector.fit

    def collapsed(pixels, face):
        mesh = fit(pixels, face)
        mesh.points[:] = 5
        return mesh

    monkeypatch.setattr(kit.detector, "fit", collapsed)
    assert find(kit) == []


def test_every_face_is_pasted_in_place_and_nothing_beside_them(toy_restore_kit):
    kit = toy_restore_kit(faces=[(80, 100, 70), (215, 110, 60)])
    found = find(kit)
    photo = PHOTO.clone()
    paste_faces(photo, restore(kit, found))
    changed = (photo - PHOTO).abs().amax(dim=(0, 1)) > 0.03
    assert changed[70:130, 50:110].float().mean() > 0.3
    assert changed[85:135, 190:240].float().mean() > 0.3
    assert not changed[:15].any()
    assert not changed[:, :5].any()
    assert not changed[:, 285:].any()


def test_of_overlapping_faces_the_smallest_is_pasted_last(toy_restore_kit, monkeypatch):
    kit = toy_restore_kit(faces=[(100, 100, 60), (130, 100, 90)])
    found = find(kit)
    order = []
    real = paste_faces.__globals__["paste_face"]

    def spy(photo, face, region, *others):
        order.append(region.side)
        return real(photo, face, region, *others)

    monkeypatch.setattr("photopulse.restoration.faces.paste_face", spy)
    paste_faces(PHOTO.clone(), restore(kit, found))
    assert order[0] > order[1]


def test_all_crops_are_restored_together_in_the_order_of_the_faces(toy_restore_kit):
    kit = toy_restore_kit(faces=[(80, 100, 70), (215, 110, 60)])
    answers = restore(kit, find(kit))
    assert [tuple(answer.crop.shape) for answer in answers] == [(1, 3, 512, 512)] * 2
    assert [answer.told.side for answer in answers] == [70, 60]
    assert [count for count, _ in kit.face_restorer.calls] == [2]


def test_faces_are_chosen_by_number_and_by_place(toy_restore_kit):
    kit = toy_restore_kit(faces=[(40, 40, 20), (100, 100, 80), (220, 100, 60)])
    restored = [face.told.restored for face in find(kit, wanted=(2,))]
    assert restored == [False, True, False]
    told = [face.told for face in find(kit, growth=2, wanted=(1, (19.5, 19.5)))]
    assert [face.why_not for face in told] == [None, "other faces were chosen", "it is smaller than 16 px"]
    told = [face.told for face in find(kit, wanted=((220, 100), (5, 5)))]
    assert [face.restored for face in told] == [False, True, False]


def test_all_chosen_faces_are_restored_even_if_they_are_more_than_max_faces(toy_restore_kit):
    kit = toy_restore_kit(faces=[(40, 40, 20), (100, 100, 80), (220, 100, 60)])
    assert [face.told.restored for face in find(kit, most=1, wanted=(2, 3))] == [False, True, True]


def test_a_face_that_is_as_sharp_as_its_size_allows_is_left(toy_restore_kit):
    kit = toy_restore_kit(faces=[(150, 100, 80)])
    sharp, blurred = (
        find_faces(photo, kit.detector, RestoreSettings(), growth=1.0)[0].told
        for photo in (textured(), GaussianBlur(3)(textured(), torch.Generator()))
    )
    assert (sharp.restored, sharp.why_not) == (False, "it is as sharp as its size allows")
    assert blurred.restored
    assert blurred.evidence.effective_resolution < sharp.evidence.effective_resolution / 2


def test_a_face_that_the_generator_does_not_know_is_left(toy_restore_kit):
    kit = toy_restore_kit(faces=[(80, 100, 70)], misfit=2.0)
    found = find(kit)
    (face,) = restore(kit, found)
    assert (face.told.restored, face.told.why_not) == (False, "the generator knows no face like it")
    assert face.crop is None
    photo = PHOTO.clone()
    paste_faces(photo, [face])
    assert torch.equal(photo, PHOTO)


def test_faces_that_are_left_stay_in_their_places_among_the_restored(toy_restore_kit):
    kit = toy_restore_kit(faces=[(40, 40, 15), (100, 100, 80), (220, 100, 60)])
    answers = restore(kit, find(kit, wanted=(2,)))
    assert [(face.told.side, face.crop is not None) for face in answers] == [(80, False), (60, True), (15, False)]


def test_less_of_what_is_drawn_is_used_the_more_fidelity_is_asked_for(toy_restore_kit):
    kit = toy_restore_kit(faces=[(150, 100, 80)])
    found = find(kit)
    changes = [(restore(kit, found, fidelity)[0].crop - 0.75).abs().mean().item() for fidelity in (0, 0.5, 0.75, 1)]
    assert changes == sorted(changes, reverse=True)
    assert changes[-1] < changes[0]


@pytest.mark.parametrize("side", [20, 60])
def test_a_face_that_is_left_gets_its_contrast_back(toy_restore_kit, side):
    kit = toy_restore_kit(faces=[(150, 100, side)])
    photo = textured()
    found = find_faces(photo, kit.detector, RestoreSettings(max_faces=0), growth=1.0)
    cleaned = GaussianBlur(2)(photo, torch.Generator())
    image = cleaned.clone()
    keep_faces(image, photo, found)
    place = (..., slice(100 - side // 3, 100 + side // 3), slice(150 - side // 3, 150 + side // 3))
    assert fine(cleaned)[place].std() < 0.5 * fine(photo)[place].std()
    assert fine(image)[place].std() > 0.9 * fine(photo)[place].std()
    assert torch.equal(image[..., :20], cleaned[..., :20])
