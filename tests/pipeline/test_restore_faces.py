"""Which faces are restored, and where they are told to be."""

import numpy as np
import pytest
import torch

from photopulse.pipeline.restore_faces import find_faces, paste_faces, restore_faces
from photopulse.pipeline.restore_networks import RestoreNetworks

PHOTO = torch.full((1, 3, 200, 300), 0.5)


def find(kit, *, growth=1.0, most=32):
    return find_faces(PHOTO, kit.detector, growth=growth, most=most)


def test_faces_come_largest_first_and_the_small_and_the_many_are_told_why_not(toy_restore_kit):
    kit = toy_restore_kit(faces=[(40, 40, 15), (100, 100, 80), (220, 100, 60), (260, 160, 30)])
    told = [face.told for face in find(kit, most=2)]
    assert [face.side for face in told] == [80, 60, 30, 15]
    assert [face.restored for face in told] == [True, True, False, False]
    assert [face.why_not for face in told] == [None, None, "there are 2 larger faces", "it is smaller than 16 px"]
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
    paste_faces(photo, found, restore_faces(PHOTO, PHOTO, found, RestoreNetworks(kit, "a.png"), fidelity=0.5))
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

    def spy(photo, face, region, mesh):
        order.append(region.side)
        return real(photo, face, region, mesh)

    monkeypatch.setattr("photopulse.pipeline.restore_faces.paste_face", spy)
    paste_faces(PHOTO.clone(), found, restore_faces(PHOTO, PHOTO, found, RestoreNetworks(kit, "a.png"), fidelity=0.5))
    assert order[0] > order[1]


def test_all_crops_are_restored_together_in_the_order_of_the_faces(toy_restore_kit):
    kit = toy_restore_kit(faces=[(80, 100, 70), (215, 110, 60)])
    crops = restore_faces(PHOTO, PHOTO, find(kit), RestoreNetworks(kit, "a.png"), fidelity=0.25)
    assert [tuple(crop.shape) for crop in crops] == [(1, 3, 256, 256)] * 2
    assert kit.face_net.calls == [(2, pytest.approx(0.25))]
