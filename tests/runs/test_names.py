from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photopulse.errors import PhotopulseError
from photopulse.runs.names import canonical, face_names, refuse_to_overwrite, unique_stems


def stems(*names):
    return unique_stems([Path(name) for name in names])


def test_files_below_a_mirrored_folder_keep_their_place_and_are_told_apart_there():
    files = [Path(name) for name in ("in/a.png", "in/x/a.jpg", "in/x/a.png", "in/x/b/a.png", "other/a.png")]
    assert unique_stems(files, [Path("in")]) == ["a", "x/a", "x/a-2", "x/b/a", "a-2"]
    assert unique_stems([Path("x/a.png")], [Path()]) == ["x/a"]
    assert unique_stems([Path("in/a.png")], [Path("in/a.png")]) == ["a"]


def test_stems_stay_as_they_are_where_nothing_collides():
    assert stems("a/x.png", "a/y.tar.png", "z") == ["x", "y.tar", "z"]


def test_a_second_file_of_the_same_stem_gets_a_number():
    assert stems("a/x.png", "a/x.jpg", "b/x.png", "b/X.png") == ["x", "x-2", "x-3", "X-4"]


def test_a_number_that_a_file_really_has_is_not_given_twice():
    assert stems("x-2.png", "x.png", "x.jpg", "x-2.jpg") == ["x-2", "x", "x-3", "x-2-2"]


def test_a_face_of_a_photo_and_a_file_called_so_do_not_collide():
    assert stems("x.png", "x_face1.png") == ["x", "x_face1-2"]
    assert stems("x_face1.png", "x.png") == ["x_face1", "x-2"]
    assert stems("x_face1.png", "x_face2.png") == ["x_face1", "x_face2"]


words = st.sampled_from(["x", "X", "x-2", "x_face1", "x_face2", "x-2_face1", "x_face1-2", "x_face1_face1", "y"])


@given(st.lists(words, max_size=12), st.data())
def test_no_two_inputs_ever_write_one_file(names, data):
    found = stems(*(f"{name}.png" for name in names))
    outputs = []
    for stem in found:
        outputs += face_names(stem, data.draw(st.integers(1, 3)))
    assert len({name.casefold() for name in outputs}) == len(outputs)


def test_an_output_that_is_an_input_is_refused(tmp_path):
    inputs = {canonical(tmp_path / "x.png")}
    (tmp_path / "sub").mkdir()
    refuse_to_overwrite(tmp_path / "y.png", inputs)
    with pytest.raises(PhotopulseError, match="one of the inputs"):
        refuse_to_overwrite(tmp_path / "sub" / ".." / "x.png", inputs)
