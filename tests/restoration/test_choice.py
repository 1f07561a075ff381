"""Chosen faces that are not there are told with what is there."""

import pytest

from photopulse.errors import PhotopulseError
from photopulse.restoration.choice import Box, check_chosen, is_chosen

LARGE: Box = (40, 20, 100, 80)
SMALL: Box = (10, 10, 20, 20)


def test_a_face_is_chosen_by_its_number_or_by_a_place_within_it():
    assert is_chosen(2, SMALL, (1, 2))
    assert not is_chosen(3, SMALL, (1, 2))
    assert is_chosen(3, SMALL, (1, (10, 20)))
    assert not is_chosen(3, SMALL, ((10, 21), (70, 50)))
    assert not is_chosen(1, SMALL, ())


def test_faces_that_are_there_may_be_chosen():
    check_chosen((1, 2, (15, 12), (40, 80)), [LARGE, SMALL], "a.png")
    check_chosen((), [], "a.png")


@pytest.mark.parametrize(
    ("boxes", "why", "fix"),
    [
        ([LARGE, SMALL, SMALL], "3 faces were found", "choose --face 1 to 3, or leave --face out"),
        ([LARGE], "1 face was found", "choose --face 1, or leave --face out"),
        ([], "no face was found", "leave --face out"),
    ],
)
def test_a_number_that_no_face_has_is_an_error_that_says_how_many_there_are(boxes: list[Box], why: str, fix: str):
    with pytest.raises(PhotopulseError) as caught:
        check_chosen((1, 99) if boxes else (99,), boxes, "in.jpg")
    assert (caught.value.what, caught.value.why, caught.value.fix) == ("cannot restore face 99 of in.jpg", why, fix)


@pytest.mark.parametrize(
    ("boxes", "why", "where"),
    [
        ([LARGE, SMALL], "no face lies at 5000,1.5", "the faces are, the largest first, at 70,50, 15,15"),
        ([LARGE], "no face lies at 5000,1.5", "the face is at 70,50"),
        ([LARGE] * 10, "no face lies at 5000,1.5", ", 70,50 and 2 smaller ones elsewhere"),
        ([], "no face was found", "leave --face out"),
    ],
)
def test_a_place_without_a_face_is_an_error_that_says_where_they_are(boxes: list[Box], why: str, where: str):
    with pytest.raises(PhotopulseError) as caught:
        check_chosen(((70, 50), (5000, 1.5)) if boxes else ((5000, 1.5),), boxes, "in.jpg")
    assert caught.value.what == "cannot restore the face at 5000,1.5 of in.jpg"
    assert caught.value.why == why
    assert caught.value.fix.startswith("leave --face out")
    assert caught.value.fix.endswith(where)
