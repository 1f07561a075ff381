from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from photopulse.errors import PhotopulseError
from photopulse.images import from_uint8, read_metadata
from photopulse.reporting.strips import Layout, Picture, Strip, write_sheet

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
WHITE = (255, 255, 255)


def flat(colour, width=4, height=4):
    return from_uint8(np.broadcast_to(np.uint8(colour), (height, width, 3)).copy())


def write_strip(
    path: Path,
    columns: Sequence[tuple[str, Picture | None]],
    *,
    below: Sequence[Picture | None] = (),
    cell: int,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes a sheet of one line of named pictures."""
    strip = Strip(pictures=[picture for _, picture in columns], below=below)
    write_sheet(path, [strip], columns=[name for name, _ in columns], cell=cell, metadata=metadata)


def crop(path, box):
    return np.asarray(Image.open(path).convert("RGB").crop(box))


def extent(path, colour):
    """Left, top, right, bottom of all pixels of a colour."""
    rows, columns = np.nonzero((np.asarray(Image.open(path)) == colour).all(-1))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_pictures_stand_side_by_side_in_order_filling_their_cells(tmp_path):
    path = tmp_path / "strip.png"
    write_strip(path, [("a", flat(RED)), ("b", flat(GREEN)), ("c", flat(BLUE))], cell=40)
    boxes = [extent(path, colour) for colour in (RED, GREEN, BLUE)]
    assert [(right - left, bottom - top) for left, top, right, bottom in boxes] == [(40, 40)] * 3
    assert boxes[0][2] <= boxes[1][0] < boxes[1][2] <= boxes[2][0]
    assert len({box[1] for box in boxes}) == 1
    for box, colour in zip(boxes, (RED, GREEN, BLUE), strict=True):
        assert (crop(path, [int(edge) for edge in box]) == colour).all()


def test_small_pictures_are_enlarged_by_repeating_their_pixels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    write_strip(tmp_path / "strip.png", [("small", from_uint8(pixels))], cell=64)
    layout = Layout(columns=1, below=[False], cell=64, head=19, side=0)
    assert Image.open(tmp_path / "strip.png").size == layout.size
    np.testing.assert_array_equal(crop(tmp_path / "strip.png", layout.box(0, 0)), pixels.repeat(4, 0).repeat(4, 1))


def test_large_files_are_made_smaller_by_lanczos(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "large.png")
    write_strip(tmp_path / "strip.png", [("", tmp_path / "large.png")], cell=32)
    layout = Layout(columns=1, below=[False], cell=32, head=0, side=0)
    expected = np.asarray(Image.fromarray(pixels).resize((32, 32), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(crop(tmp_path / "strip.png", layout.box(0, 0)), expected)


def test_what_a_picture_downscales_to_stands_below_it_half_as_large_and_centred(tmp_path):
    path = tmp_path / "strip.png"
    write_strip(path, [("in", flat(RED)), ("out", flat(GREEN))], below=[None, flat(BLUE)], cell=40)
    left, _, right, bottom = extent(path, GREEN)
    below = extent(path, BLUE)
    assert (below[2] - below[0], below[3] - below[1]) == (20, 20)
    assert below[0] - left == right - below[2] == 10
    assert 0 < below[1] - bottom < 10
    red = extent(path, RED)
    assert (crop(path, (int(red[0]), int(red[3]), int(red[2]), int(below[3]))) == WHITE).all()


def test_long_pictures_keep_their_proportions(tmp_path):
    write_strip(tmp_path / "strip.png", [("wide", flat(RED, 20, 10)), ("high", flat(BLUE, 10, 20))], cell=40)
    wide, high = extent(tmp_path / "strip.png", RED), extent(tmp_path / "strip.png", BLUE)
    assert (wide[2] - wide[0], wide[3] - wide[1]) == (40, 20)
    assert (high[2] - high[0], high[3] - high[1]) == (20, 40)
    assert wide[1] - high[1] == high[3] - wide[3] == 10


def test_a_sheet_has_a_strip_for_each_line_from_top_to_bottom(tmp_path):
    path = tmp_path / "sheet.png"
    strips = [
        Strip(label="none", pictures=[flat(RED), flat(GREEN)], below=[None, flat((1, 2, 3))]),
        Strip(label="noise:25", pictures=[flat(BLUE), None]),
    ]
    write_sheet(path, strips, columns=["in", "out"], cell=48)
    red, green, blue, below = (extent(path, colour) for colour in (RED, GREEN, BLUE, (1, 2, 3)))
    assert red[1] == green[1] < below[1] < blue[1]
    assert red[0] == blue[0] < green[0] < below[0]
    assert below[3] <= blue[1]


def test_names_are_written_above_and_beside_in_black(tmp_path):
    layout = Layout(columns=2, below=[False], cell=64, head=19, side=19)
    write_sheet(
        tmp_path / "sheet.png", [Strip(label="none", pictures=[flat(RED), flat(RED)])], columns=["in", ""], cell=64
    )
    assert crop(tmp_path / "sheet.png", layout.head_box(0)).min() < 64
    assert (crop(tmp_path / "sheet.png", layout.head_box(1)) == WHITE).all()
    assert crop(tmp_path / "sheet.png", layout.side_box(layout.box(0, 0))).min() < 64


def test_a_missing_result_is_shown_as_such(tmp_path):
    write_strip(tmp_path / "strip.png", [("a", flat(RED)), ("b", None)], cell=64)
    cell = crop(tmp_path / "strip.png", Layout(columns=2, below=[False], cell=64, head=19, side=0).box(0, 1))
    assert (cell[0, 0] == (236, 236, 236)).all()
    assert cell.min() < 64


def test_jpeg_is_written_by_the_extension_and_metadata_are_kept(tmp_path):
    write_strip(tmp_path / "strip.jpg", [("a", flat(RED))], cell=64, metadata={"photopulse:synthetic": "true"})
    assert Image.open(tmp_path / "strip.jpg").format == "JPEG"
    assert read_metadata(tmp_path / "strip.jpg")["photopulse:synthetic"] == "true"


def test_a_file_that_is_no_picture_is_named_and_nothing_is_written(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(PhotopulseError, match=r"bad\.png"):
        write_strip(tmp_path / "strip.png", [("a", tmp_path / "bad.png")], cell=64)
    assert not (tmp_path / "strip.png").exists()


@pytest.mark.parametrize(
    ("strips", "columns", "cell"),
    [
        ([], ["a"], 64),
        ([Strip(pictures=[])], [], 64),
        ([Strip(pictures=[torch.zeros(1, 3, 2, 2)])], ["a", "b"], 64),
        ([Strip(pictures=[None, None], below=[None])], ["a", "b"], 64),
        ([Strip(pictures=[None])], ["a"], 1),
    ],
)
def test_sheets_that_do_not_fit_their_columns_are_refused(tmp_path, strips, columns, cell):
    with pytest.raises(ValueError, match=r"strip"):
        write_sheet(tmp_path / "sheet.png", strips, columns=columns, cell=cell)
