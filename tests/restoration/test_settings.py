"""What cannot be meant is refused before any photo is read."""

import pytest

from photopulse.restoration.settings import RestoreSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": 0.5},
        {"scale": float("nan")},
        {"scale": 17},
        {"scale": 2, "size": (10, 10)},
        {"size": (0, 10)},
        {"sr": "magic"},
        {"only": "hair"},
        {"fidelity": -0.1},
        {"fidelity": float("nan")},
        {"working_size": 8},
        {"max_faces": -1},
        {"only": "photo", "faces": (1,)},
        {"max_faces": 0, "faces": ((3.0, 4.0),)},
        {"mode": "magic"},
        {"tone": "warm"},
        {"halftone": "on"},
        {"faces": (1,), "mode": "archival"},
    ],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong)) if wrong != {"scale": 2, "size": (10, 10)} else "size"):
        RestoreSettings(**wrong)


@pytest.mark.parametrize("other", [{"only": "face"}, {"sr": "realesrgan"}])
def test_what_generates_is_refused_in_archival_mode(other):
    with pytest.raises(ValueError, match="archival redraws no faces and enlarges by no network"):
        RestoreSettings(mode="archival", **other)


def test_a_repair_is_refused_in_archival_mode():
    with pytest.raises(ValueError, match="archival generates nothing"):
        RestoreSettings(mode="archival", repair="auto")


def test_the_enlarging_network_is_needed_only_where_something_grows():
    assert not RestoreSettings().may_enlarge
    assert RestoreSettings(scale=1.5).may_enlarge
    assert RestoreSettings(size=(100, 100)).may_enlarge
    assert not RestoreSettings(scale=2, mode="archival").may_enlarge


def test_the_same_faces_are_the_same_settings_however_they_were_said():
    said = RestoreSettings(faces=((310, 95), 3, 2, (20.5, 7), 3))
    assert said == RestoreSettings(faces=(2, 3, (20.5, 7.0), (310.0, 95.0)))
    assert said.faces == (2, 3, (20.5, 7.0), (310.0, 95.0))
    assert repr(said.faces) == "(2, 3, (20.5, 7.0), (310.0, 95.0))"


def test_faces_are_looked_for_where_some_may_be_restored():
    assert RestoreSettings().looks_for_faces
    assert RestoreSettings(only="face", max_faces=1).looks_for_faces
    assert not RestoreSettings(only="photo").looks_for_faces
    assert not RestoreSettings(max_faces=0).looks_for_faces
    assert not RestoreSettings(mode="archival").looks_for_faces
