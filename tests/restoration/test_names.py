"""Names of results, worked by hand."""

from pathlib import Path

import pytest

from photopulse.restoration.names import output_names


def named(*files, kind=None, compare=False):
    names = output_names([Path(file) for file in files], Path("out"), kind, compare=compare)
    return [(name.output.name, name.compare and name.compare.name) for name in names]


def test_results_keep_the_format_that_can_be_written_and_are_png_otherwise():
    files = ("a.jpg", "b.JPEG", "c.png", "d.tif", "e.webp", "f.bmp", "g.jp2", "h")
    expected = ["a.jpg", "b.JPEG", "c.png", "d.tif", "e.webp", "f.png", "g.png", "h.png"]
    assert [output for output, _ in named(*files)] == expected


@pytest.mark.parametrize("kind", ["png", "jpg", "tiff", "webp"])
def test_another_format_can_be_asked_for(kind):
    assert named("a.jpg", "b.bmp", kind=kind) == [(f"a.{kind}", None), (f"b.{kind}", None)]


def test_photos_of_one_name_from_two_folders_get_two_results():
    assert named("x/a.jpg", "y/a.jpg", "y/a.png") == [("a.jpg", None), ("a-2.jpg", None), ("a-3.png", None)]


def test_a_comparison_never_takes_the_place_of_a_result():
    names = named("a.jpg", "a_compare.png", "A_Compare-2.png", compare=True)
    assert [output for output, _ in names] == ["a.jpg", "a_compare.png", "A_Compare-2.png"]
    everything = [part.casefold() for name in names for part in name]
    assert len(set(everything)) == 6
    assert names[0][1] == "a_compare-3.png"
