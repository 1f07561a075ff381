"""Which boxes and masks belong to which picture when names are the same in several folders."""

import json
from pathlib import Path, PurePosixPath

import pytest
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.errors import PhotopulseError
from photopulse.training.crops.matching import Matching, Pictures, entry_of

HEADER = "file,left,top,right,bottom\n"


def found(files: list[str], entries: list[str], *, mirrored: bool = False) -> list[str | None]:
    """The entry of each picture below the folder in/; "?" where it is ambiguous."""
    pictures = Pictures(files=[Path("in", file) for file in files], folders=[Path("in")], recursive=True)
    matching = Matching(pictures, [entry_of(entry) for entry in entries], mirrored=mirrored)

    def one(file: Path) -> str | None:
        try:
            entry = matching.find(file)
        except PhotopulseError:
            return "?"
        return None if entry is None else str(entry)

    return [one(file) for file in pictures.files]


def test_an_entry_with_a_folder_belongs_only_to_the_picture_whose_path_ends_so():
    assert found(["a/x.jpg", "b/x.jpg", "x.jpg"], ["a/x.jpg"]) == ["a/x.jpg", None, None]
    assert found(["a/x.png"], ["in/a/x.jpg"]) == ["in/a/x.jpg"]
    assert found(["a/x.jpg"], ["aa/x.jpg"]) == [None]


def test_a_bare_name_belongs_to_the_only_picture_that_has_it_and_to_none_of_several():
    assert found(["a/x.jpg", "b/y.jpg"], ["x.jpg"]) == ["x.jpg", None]
    assert found(["a/x.jpg", "b/x.jpg"], ["x.jpg"]) == ["?", "?"]
    assert found(["x.jpg", "a/x.jpg"], ["x.jpg"]) == ["?", "?"]


def test_the_longest_fitting_path_wins():
    assert found(["a/x.jpg", "x.jpg"], ["x.jpg", "a/x.jpg"]) == ["a/x.jpg", "x.jpg"]


def test_extensions_decide_where_names_are_the_same():
    assert found(["x.jpg", "x.png"], ["x.jpg"]) == ["x.jpg", None]
    assert found(["x.jpg", "x.png"], ["x.jpg", "x.png"]) == ["x.jpg", "x.png"]
    assert found(["x.tif"], ["x.jpg", "x.png"]) == ["?"]
    assert found(["slide.v1.jpg"], ["slide.v1.xml", "slide.xml"]) == ["slide.v1.xml"]


def test_in_a_mirrored_folder_the_same_place_decides():
    assert found(["x.jpg", "a/x.jpg"], ["x.xml"], mirrored=True) == ["x.xml", None]
    assert found(["a/x.jpg", "b/x.jpg"], ["x.xml"], mirrored=True) == ["?", "?"]


def test_names_of_windows_and_absolute_ones_are_read():
    assert entry_of("C:\\data\\a\\x.jpg") == PurePosixPath("data/a/x.jpg")
    assert entry_of("./a/x.jpg") == entry_of("../a//x.jpg") == PurePosixPath("a/x.jpg")


def test_several_pictures_of_a_bare_name_are_named_in_the_error():
    files = [Path("a/x.jpg"), Path("b/x.jpg")]
    with pytest.raises(
        PhotopulseError, match=r"x\.jpg may be about a/x\.jpg, b/x\.jpg\. Give it the folder, too, as in"
    ):
        Matching(Pictures(files=files), [entry_of("x.jpg")], mirrored=False).find(files[1])


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Two pictures named x.png of different colours, in in/a and in/b."""
    for folder, colour in (("a", "red"), ("b", "blue")):
        (tmp_path / "in" / folder).mkdir(parents=True)
        Image.new("RGB", (100, 100), colour).save(tmp_path / "in" / folder / "x.png")
    return tmp_path


def quads(folder: Path, *args: object) -> dict[str, object]:
    """Crops the folder's pictures, and returns the first corner of the squares by the picture's folder."""
    words = ["crop", folder / "in", "-o", folder / "out", "--margin", 0, "--recursive", "--json", *args]
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code in (0, 1), result.output
    items = json.loads((folder / "out" / "report.json").read_text())["items"]
    return {Path(row["input"]).parent.name: row["quad"][0] if row.get("quad") else row["error"] for row in items}


def test_a_table_crops_each_of_two_pictures_of_one_name_at_its_own_boxes(folders: Path):
    (folders / "boxes.csv").write_text(HEADER + "a/x.png,10,10,40,40\nb/x.png,50,50,90,90\n")
    assert quads(folders, "--boxes", folders / "boxes.csv") == {"a": [10, 10], "b": [50, 50]}


def test_a_picture_of_another_folder_is_told_as_the_reason(folders: Path):
    (folders / "boxes.csv").write_text(HEADER + "a/x.png,10,10,40,40\n")
    rows = quads(folders, "--boxes", folders / "boxes.csv")
    assert rows["a"] == [10, 10]
    assert "has no box for it, but one for another picture, a/x.png" in str(rows["b"])


def test_pascal_voc_files_are_read_from_mirrored_subfolders(folders: Path):
    for folder, left in (("a", 10), ("b", 50)):
        (folders / "voc" / folder).mkdir(parents=True)
        sides = f"<xmin>{left}</xmin><ymin>5</ymin><xmax>{left + 30}</xmax><ymax>35</ymax>"
        (folders / "voc" / folder / "x.xml").write_text(
            f"<annotation><object><bndbox>{sides}</bndbox></object></annotation>"
        )
    assert quads(folders, "--boxes", folders / "voc") == {"a": [10, 5], "b": [50, 5]}


def test_masks_are_read_from_mirrored_subfolders(folders: Path):
    for folder, left in (("a", 10), ("b", 50)):
        (folders / "masks" / folder).mkdir(parents=True)
        mask = Image.new("L", (100, 100))
        mask.paste(255, (left, 20, left + 30, 50))
        mask.save(folders / "masks" / folder / "x.png")
    assert quads(folders, "--boxes", "masks", "--masks", folders / "masks") == {"a": [10, 20], "b": [50, 20]}
