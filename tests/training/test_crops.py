"""The crop command's parts: boxes from files and pictures, squares, the split, and what goes wrong with pictures."""

import json
import os
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from photopulse.cli import app
from photopulse.errors import PhotopulseError
from photopulse.images import read_image
from photopulse.runs.watcher import Watcher
from photopulse.training.crops.box_files import read_boxes
from photopulse.training.crops.boxes import Box, BoxFilter, Square, square_around
from photopulse.training.crops.crop import CropSettings, crop_files, part_of, stretched
from photopulse.training.crops.find import box_finder
from photopulse.training.crops.matching import Pictures

VOC = """<annotation><filename>a.jpg</filename>
<object><name>WBC</name><bndbox><xmin>10</xmin><ymin>20</ymin><xmax>50</xmax><ymax>80</ymax></bndbox></object>
<object><name>RBC</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>
</annotation>"""
COCO = {
    "images": [{"id": 7, "file_name": "some/folder/a.png"}],
    "categories": [{"id": 1, "name": "WBC"}],
    "annotations": [{"image_id": 7, "category_id": 1, "bbox": [10, 20, 40, 60]}],
}


def coco(**changed: object) -> str:
    """A COCO file whose annotation differs by these fields."""
    return json.dumps(COCO | {"annotations": [COCO["annotations"][0] | changed]})


WANTED = Box(left=10, top=20, right=50, bottom=80, label="WBC")


def noise(path: Path, size: tuple[int, int] = (64, 64), mode: str = "RGB", seed: int = 0) -> Path:
    """Writes a picture of random pixels."""
    array = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 4), dtype=np.uint8)
    Image.fromarray(array).convert(mode).save(path)
    return path


def pictures(*files: Path | str) -> Pictures:
    return Pictures(files=[Path(file) for file in files])


def whole(file: Path, pixels: torch.Tensor) -> list[Box]:
    return box_finder("centre", pictures(), side=64)(file, pixels)


def test_boxes_are_the_same_from_pascal_voc_coco_and_a_table(tmp_path: Path):
    (tmp_path / "voc").mkdir()
    (tmp_path / "voc" / "a.xml").write_text(VOC)
    (tmp_path / "coco.json").write_text(json.dumps(COCO))
    (tmp_path / "boxes.csv").write_text("file,left,top,right,bottom,label\nx\\a.png,10,20,50,80,WBC\n")
    assert read_boxes(tmp_path / "voc")[PurePosixPath("a.xml")][0] == WANTED
    assert len(read_boxes(tmp_path / "voc" / "a.xml")[PurePosixPath("a.xml")]) == 2
    assert read_boxes(tmp_path / "coco.json") == {PurePosixPath("some/folder/a.png"): [WANTED]}
    assert read_boxes(tmp_path / "boxes.csv") == {PurePosixPath("x/a.png"): [WANTED]}


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.xml", '<!DOCTYPE x [<!ENTITY a "aa">]>' + VOC, "document type"),
        ("a.xml", "<annotation>", "no element"),
        ("a.xml", VOC.replace("10", "nan"), "no number"),
        ("a.xml", VOC.replace("<xmin>10</xmin>", ""), "xmin is no number but ''"),
        ("a.json", "[]", "no COCO file, because it holds no object"),
        ("a.json", "{", "no COCO file, because it is no JSON"),
        ("a.json", '{"images": 3}', "no list of images"),
        ("a.json", '{"images": [], "annotations": {}}', "no list of annotations"),
        ("a.json", '{"images": [{"id": []}], "annotations": []}', "entry 1 of images: file_name is missing"),
        ("a.json", coco(image_id=[7]), "entry 1 of annotations: image_id cannot be a list"),
        ("a.json", coco(image_id=8), "entry 1 of annotations: there is no image 8"),
        ("a.json", coco(bbox=None), "entry 1 of annotations: bbox cannot be null"),
        ("a.json", coco(bbox=[1, 2, 3]), "entry 1 of annotations: bbox has 3 values instead of 4"),
        ("a.json", coco(bbox=[1, 2, 3, "4"]), "entry 1 of annotations: bbox cannot be a text such as '4'"),
        ("a.json", coco(bbox=[1, 2, 3, 10**400]), "entry 1 of annotations: a box has a side"),
        ("a.json", coco(bbox=[1, 2, 3, float("nan")]), "entry 1 of annotations: a box has a side"),
        ("a.json", coco(category_id={}), "entry 1 of annotations: category_id cannot be an object"),
        ("a.json", json.dumps(COCO | {"annotations": [3]}), "entry 1 of annotations is no object"),
        ("a.json", coco(category_id=2), "entry 1 of annotations: there is no category 2"),
        ("a.csv", "file,left\n", "column top is missing; separated by commas, its columns are file, left"),
        ("a.csv", "Image;X1\tno\n", "column file is missing; separated by semicolons, its columns are image, x1"),
        ("a.csv", "file,left,top,right,bottom\n,1,2,3,4\n", "line 2: file names no picture"),
        ("a.csv", "file,left,top,right,bottom\na,1,2,3,x\n", "line 2: bottom is no number but 'x'"),
        ("a.csv", "file,left,top,right,bottom\na,1,2\n", "line 2: right is no number but ''"),
        ("a.csv", "a" * 200_000, "line 1: field larger"),
        ("a.csv", "file,left,top,right,bottom\n", "no boxes"),
        ("a.txt", "", "no file of boxes"),
    ],
)
def test_a_damaged_or_hostile_file_of_boxes_is_refused_by_name(tmp_path: Path, name: str, content: str, word: str):
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(PhotopulseError, match=word) as caught:
        read_boxes(file)
    assert str(file) in str(caught.value)


def test_a_file_of_boxes_that_is_too_large_is_not_read(tmp_path: Path):
    (tmp_path / "a.xml").write_bytes(b" " * (2**20 + 1))
    with pytest.raises(PhotopulseError, match="more than 1,048,576 bytes"):
        read_boxes(tmp_path / "a.xml")


@pytest.mark.parametrize("name", ["a.xml", "a.json", "a.csv"])
def test_a_pipe_is_no_file_of_boxes(tmp_path: Path, name: str):
    os.mkfifo(tmp_path / name)
    with pytest.raises(PhotopulseError, match="a folder or device, not a file"):
        read_boxes(tmp_path / name)


def test_the_square_around_a_box_stays_inside_the_picture():
    box = Box(left=90, top=10, right=100, bottom=30)
    assert square_around(box, 200, 100, margin=0.5) == Square(left=75, top=0, side=40)
    assert square_around(box, 105, 100, margin=0.5) == Square(left=65, top=0, side=40)
    assert square_around(box, 30, 20, margin=0.5) == Square(left=10, top=0, side=20)
    assert square_around(box, 200, 100, margin=0.5, side=10) == Square(left=90, top=15, side=10)


def test_boxes_are_left_out_by_name_size_shape_and_place():
    def takes(box: Box, **rules: object) -> bool:
        return BoxFilter(**rules).refusal(box, 100, 100) is None  # pyright: ignore[reportArgumentType]

    assert takes(WANTED)
    assert not takes(WANTED, labels=frozenset({"RBC"}))
    assert not takes(WANTED, least=41)
    assert not takes(WANTED, most=59)
    assert not takes(WANTED, ratio=0.7)
    assert takes(WANTED, inside=True)
    assert not takes(Box(left=0, top=20, right=50, bottom=80), inside=True)


def test_masks_and_brightness_find_the_same_things(tmp_path: Path):
    picture = np.full((60, 80, 3), 20, np.uint8)
    picture[10:30, 20:45] = 200
    picture[40:55, 50:70] = 220
    Image.fromarray(picture).save(tmp_path / "a.png")
    (tmp_path / "masks").mkdir()
    Image.fromarray((picture[..., 0] > 100).astype(np.uint8)).save(tmp_path / "masks" / "a.png")
    pixels = read_image(tmp_path / "a.png").pixels
    of_mask = box_finder("masks", pictures(tmp_path / "a.png"), masks=tmp_path / "masks", side=64)(
        tmp_path / "a.png", pixels
    )
    assert of_mask == [Box(left=20, top=10, right=45, bottom=30), Box(left=50, top=40, right=70, bottom=55)]
    of_light = box_finder("bright", pictures(), side=64)(tmp_path / "a.png", pixels)
    for one, other in zip(of_light, of_mask, strict=True):
        assert max(abs(one.left - other.left), abs(one.bottom - other.bottom)) <= 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_each_value_of_a_labelled_mask_is_one_thing_even_if_they_touch(tmp_path: Path, dtype: type):
    mask = np.zeros((40, 40), dtype)
    mask[5:15, 5:20], mask[5:15, 20:30], mask[25:30, 0:9] = 1, 2, 3
    Image.fromarray(mask).save(tmp_path / "a.png")
    boxes = box_finder("masks", pictures("a.tif"), masks=tmp_path, side=64)(Path("a.tif"), torch.zeros(1, 3, 40, 40))
    places = {(box.left, box.top, box.right, box.bottom) for box in boxes}
    assert places == {(5, 5, 20, 15), (20, 5, 30, 15), (0, 25, 9, 30)}


def test_a_mask_of_another_size_or_without_anything_is_refused_and_one_that_is_missing_is_told(tmp_path: Path):
    (tmp_path / "masks").mkdir()
    noise(tmp_path / "masks" / "a.png", (10, 10))
    Image.new("L", (20, 20)).save(tmp_path / "masks" / "empty.png")
    find = box_finder("masks", pictures("a.png", "b.png", "empty.jpg"), masks=tmp_path / "masks", side=64)
    with pytest.raises(PhotopulseError, match="10 x 10"):
        find(Path("a.png"), torch.zeros(1, 3, 20, 20))
    with pytest.raises(PhotopulseError, match="has no mask of its name"):
        find(Path("b.png"), torch.zeros(1, 3, 20, 20))
    with pytest.raises(PhotopulseError, match="is empty: all black"):
        find(Path("empty.jpg"), torch.zeros(1, 3, 20, 20))


def test_a_grid_has_whole_squares_only():
    boxes = box_finder("grid", pictures(), side=30)(Path("a.png"), torch.zeros(1, 3, 65, 100))
    assert [(box.left, box.top) for box in boxes] == [(0, 0), (30, 0), (60, 0), (0, 30), (30, 30), (60, 30)]


def test_stretching_makes_a_dark_picture_bright():
    dark = torch.linspace(0, 0.01, 30_000).view(1, 3, 100, 100)
    done = stretched(dark)
    assert (done.min(), done.max()) == (0, 1)
    assert done.mean() == pytest.approx(0.5, abs=0.01)


def test_the_part_depends_on_the_name_alone_and_one_in_seven_is_measured():
    parts = [part_of(f"picture {number}", 7) for number in range(700)]
    assert 70 < parts.count("measure") < 130
    assert part_of("picture 5", 0) == "train"


def test_every_picture_gets_a_row_and_bad_ones_a_reason(tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    good = {mode: noise(folder / f"{mode}.png", mode=mode, seed=seed) for seed, mode in enumerate(("RGB", "L", "RGBA"))}
    Image.fromarray(np.random.default_rng(9).integers(0, 2**16, (64, 64), dtype=np.uint16)).save(folder / "deep.png")
    noise(folder / "tiny.png", (5, 5))
    noise(folder / "twice.png", seed=0)
    (folder / "broken.png").write_bytes(good["RGB"].read_bytes()[:300])
    Image.new("L", (20_000, 12_000)).save(folder / "zgiant.png")
    files = sorted(folder.iterdir())
    rows = crop_files(files, tmp_path / "out", whole, CropSettings(size=32, hold_out=0))
    assert len(rows) == len(files)
    failed = {Path(row.input).stem: row.error or "" for row in rows if row.status == "failed"}
    assert set(failed) == {"broken", "tiny", "twice", "zgiant"}
    assert "shows the same as" in failed["twice"]
    assert "1 smaller than 16 px (--least)" in failed["tiny"]
    for row in rows:
        if row.output:
            assert read_image(Path(row.output)).pixels.shape == (1, 3, 32, 32)
    assert all((tmp_path / "out" / "train" / f"{stem}_1.png").is_file() for stem in ("RGB", "L", "RGBA", "deep"))


def test_the_command_writes_both_parts_and_its_report(tmp_path: Path):
    (tmp_path / "in").mkdir()
    for number in range(8):
        noise(tmp_path / "in" / f"{number}.png", (40, 50), seed=number)
    result = CliRunner().invoke(
        app,
        [
            "crop",
            str(tmp_path / "in"),
            "-o",
            str(tmp_path / "out"),
            "--boxes",
            "grid",
            "--side",
            "20",
            "--hold-out",
            "2",
        ],
    )
    assert result.exit_code == 0, result.output
    counts = {part: len(list((tmp_path / "out" / part).iterdir())) for part in ("train", "measure")}
    assert sum(counts.values()) == 8 * 4
    assert min(counts.values()) > 0
    assert "32 made" in result.stderr
    assert len(json.loads((tmp_path / "out" / "report.json").read_text())["items"]) == 32


def test_crops_of_an_earlier_run_are_told_because_a_training_would_learn_them(tmp_path: Path):
    class Heard(Watcher):
        def __init__(self) -> None:
            self.notes: list[str] = []

        def note(self, text: str) -> None:
            self.notes.append(text)

    files = [noise(tmp_path / f"{name}.png", seed=place) for place, name in enumerate("ab")]
    settings, heard = CropSettings(size=32, hold_out=0), Heard()
    crop_files(files, tmp_path / "out", whole, settings, watcher=heard)
    crop_files(files, tmp_path / "out", whole, settings, watcher=heard)
    assert heard.notes == []
    crop_files(files[:1], tmp_path / "out", whole, settings, watcher=heard)
    (note,) = heard.notes
    assert "b_1.png" in note
