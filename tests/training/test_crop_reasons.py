"""What crop tells of boxes that are wrong or not wanted, of options that do not fit, and of crops that are enlarged."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.errors import PhotopulseError
from photopulse.training.crops.box_files import read_boxes

HEADER = "file,left,top,right,bottom,label\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One picture, in/x.png, of 100 x 80 px."""
    (tmp_path / "in").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (80, 100, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in" / "x.png")
    return tmp_path


def crop(folder: Path, *args: object) -> Result:
    words = ["crop", folder / "in", "-o", folder / "out", *args]
    return CliRunner().invoke(app, [str(word) for word in words])


def rows(folder: Path) -> list[dict[str, object]]:
    return json.loads((folder / "out" / "report.json").read_text())["items"]


def of_table(folder: Path, boxes: str, *args: object) -> Result:
    (folder / "boxes.csv").write_text(HEADER + boxes)
    return crop(folder, "--boxes", folder / "boxes.csv", *args)


@pytest.mark.parametrize(
    ("boxes", "args", "reason"),
    [
        ("x,10,10,50,50,RBC\nx,20,20,60,60,RBC\n", ["--labels", "WBC"], "2 not of WBC (--labels)"),
        ("x,10,10,20,20,\n", [], "1 smaller than 16 px (--least)"),
        ("x,10,10,70,70,\n", ["--most", 50], "1 larger than 50 px (--most)"),
        ("x,10,10,90,30,\n", ["--ratio", 0.5], "1 longer than the --ratio 0.5 allows"),
        ("x,0,10,40,50,\n", ["--inside"], "1 at an edge of the picture (--inside)"),
        ("x,500,500,560,560,\n", [], "1 outside of the picture"),
        ("x,-60,10,0,60,\n", [], "1 outside of the picture"),
        ("x,10,80,60,140,\n", [], "1 outside of the picture"),
        ("x,60,10,20,50,\n", [], "1 with a right or bottom that is not beyond its left or top"),
        ("x,10,10,20,20,\nx,500,500,560,560,\n", [], "1 smaller than 16 px (--least); 1 outside of the picture"),
        ("y,10,10,50,50,\n", [], "has no box for it"),
        (
            "x,10,10,50,50,\n",
            ["--side", 90],
            "it has 100 x 80 pixels, and the squares have 90 x 90. Choose a smaller --side",
        ),
    ],
)
def test_a_picture_without_crops_tells_the_true_reason(folder: Path, boxes: str, args: list[object], reason: str):
    assert of_table(folder, boxes, *args).exit_code == 1
    (row,) = rows(folder)
    assert row["status"] == "failed"
    assert reason in str(row["error"])
    assert not list(folder.glob("out/*/*.png"))


def test_a_negative_width_of_coco_is_left_out(folder: Path):
    content = {
        "images": [{"id": 1, "file_name": "x.png"}],
        "annotations": [{"image_id": 1, "bbox": [50, 10, -30, 30]}],
    }
    (folder / "boxes.json").write_text(json.dumps(content))
    assert crop(folder, "--boxes", folder / "boxes.json").exit_code == 1
    assert "not beyond its left or top" in str(rows(folder)[0]["error"])


def test_wrong_boxes_among_good_ones_are_left_out_with_a_note(folder: Path):
    result = of_table(folder, "x,10,10,74,74,\nx,500,500,560,560,\nx,60,10,20,50,\n", "--margin", 0)
    assert result.exit_code == 0
    assert len(rows(folder)) == 1
    told = " ".join(result.stderr.split())
    assert "boxes outside of the picture are left out: 1, e.g. of" in told
    assert "boxes with a right or bottom that is not beyond its left or top are left out: 1, e.g. of" in told
    assert "enlarged" not in told


def test_enlarged_crops_are_counted_because_their_blur_is_learned(folder: Path):
    told = of_table(folder, "x,10,10,40,40,\nx,10,10,80,80,\n", "--size", 32, "--margin", 0).stderr
    assert "crops are enlarged: 1 of 2, the smallest from 30 to 32 px" in " ".join(told.split())


def test_squares_of_a_given_side_that_is_too_small_name_the_side(folder: Path):
    told = " ".join(crop(folder, "--boxes", "grid", "--side", 40).stderr.split())
    assert "crops are enlarged: 4 of 4, the smallest from 40 to 64 px" in told
    assert "a smaller --size or a larger --side" in told


@pytest.mark.parametrize("boxes", ["centre", "bright", "grid"])
def test_masks_that_would_not_be_used_are_a_mistake(folder: Path, boxes: str):
    result = crop(folder, "--boxes", boxes, "--masks", folder / "in")
    assert result.exit_code == 2
    assert "choose --boxes masks, or leave --masks out" in " ".join(result.stderr.split()).lower()
    assert not (folder / "out").exists()


@pytest.mark.parametrize("colour", ["white", "black", "gray"])
def test_an_even_picture_has_nothing_bright(folder: Path, colour: str):
    Image.new("RGB", (100, 100), colour).save(folder / "in" / "x.png")
    assert crop(folder, "--boxes", "bright").exit_code == 1
    assert "nothing in it is brighter than the rest" in str(rows(folder)[0]["error"])


def test_a_picture_smaller_than_a_square_of_the_grid_is_told(folder: Path):
    assert crop(folder, "--boxes", "grid", "--side", 90).exit_code == 1
    assert "it has 100 x 80 pixels, and the squares have 90 x 90" in str(rows(folder)[0]["error"])


def test_labels_need_boxes_with_names(tmp_path: Path):
    content = {
        "images": [{"id": 1, "file_name": "x.png"}],
        "annotations": [{"image_id": 1, "category_id": 3, "bbox": [10, 10, 30, 30]}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    assert len(read_boxes(tmp_path / "boxes.json")) == 1
    with pytest.raises(PhotopulseError, match="entry 1 of annotations: there is no category 3"):
        read_boxes(tmp_path / "boxes.json", named=True)
    (tmp_path / "boxes.csv").write_text("file,left,top,right,bottom\nx,1,2,3,4\n")
    with pytest.raises(PhotopulseError, match="the column label is missing"):
        read_boxes(tmp_path / "boxes.csv", named=True)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_may_have_any_usual_separator_and_case_of_their_columns(tmp_path: Path, separator: str):
    (tmp_path / "boxes.csv").write_text(
        "Label, FILE ,Left,TOP,right,Bottom\nWBC,x.png,1,2,3,4\n".replace(",", separator)
    )
    ((name, (box,)),) = read_boxes(tmp_path / "boxes.csv", named=True).items()
    assert (str(name), box.label, box.left, box.bottom) == ("x.png", "WBC", 1, 4)
