"""Comparison sheets as in papers: pictures side by side with names, optionally each with its downscaled version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from photopulse.images import from_uint8, read_image, to_uint8, write_image
from photopulse.reporting.lettering import Box, Lettering

Picture = Path | Tensor

_MARGIN = 8
_GAP = 4
_PAPER, _EMPTY = (255, 255, 255), (236, 236, 236)
_NO_PICTURE = "no result"


@dataclass(frozen=True, kw_only=True)
class Strip:
    """A row of a sheet.

    Attributes:
        pictures: one per column, files or tensors (1, 3, H, W) in [0, 1]; None where there is no result.
        below: the downscaled pictures, one per column, shown below at half the size; None leaves a place empty.
        label: text to the left of the pictures, turned.
        below_label: text to the left of ``below``.
    """

    pictures: Sequence[Picture | None]
    below: Sequence[Picture | None] = ()
    label: str = ""
    below_label: str = ""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Positions on a sheet in px; boxes are (left, top, right, bottom).

    Attributes:
        columns: number of columns.
        below: for each strip, whether it has a second line of pictures.
        cell: side of a picture.
        head: height of the line with the names of the columns; 0 for none.
        side: width of the labels to the left; 0 for none.
    """

    columns: int
    below: Sequence[bool]
    cell: int
    head: int
    side: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        width = 2 * _MARGIN + self.side + self.columns * (self.cell + _GAP) - _GAP
        return width, self._top(len(self.below)) - self._between + _MARGIN

    def box(self, strip: int, column: int) -> Box:
        """Returns the box of a picture."""
        left, top = self._left(column), self._top(strip)
        return left, top, left + self.cell, top + self.cell

    def below_box(self, strip: int, column: int) -> Box:
        """Returns the box of the smaller picture below a picture."""
        half = self.cell // 2
        left, top = self._left(column) + (self.cell - half) // 2, self._top(strip) + self.cell + _GAP
        return left, top, left + half, top + half

    def head_box(self, column: int) -> Box:
        """Returns the box of a column's name."""
        return self._left(column), _MARGIN, self._left(column) + self.cell, _MARGIN + self.head

    def side_box(self, box: Box) -> Box:
        """Returns the box of the label to the left of ``box``."""
        return _MARGIN, box[1], _MARGIN + self.side, box[3]

    def _left(self, column: int) -> int:
        return _MARGIN + self.side + column * (self.cell + _GAP)

    def _top(self, strip: int) -> int:
        return _MARGIN + self.head + sum(self._height(below) + self._between for below in self.below[:strip])

    @property
    def _between(self) -> int:
        """Gap between strips; wider if there are second lines, to show which pictures belong together."""
        return 3 * _GAP if any(self.below) else _GAP

    def _height(self, below: bool) -> int:
        return self.cell + (_GAP + self.cell // 2 if below else 0)


def write_sheet(
    path: Path,
    strips: Sequence[Strip],
    *,
    columns: Sequence[str],
    cell: int = 256,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes a sheet of strips below the names of the columns, in the format of the extension.

    Pictures smaller than their cell are enlarged by repeating pixels, so that the pixels can be seen; larger ones are
    reduced with a Lanczos filter. The aspect ratio stays.

    Args:
        path: path of the sheet.
        strips: rows from top to bottom, each with as many pictures as there are columns.
        columns: names of the columns.
        cell: side of a picture's cell in px.
        metadata: passed to ``write_image``, for example to state that the sheet has synthetic faces.

    Raises:
        PhotopulseError: if a picture cannot be read or the sheet cannot be written.
        ValueError: for an empty sheet, and for strips of another length than ``columns``.
    """
    for strip in strips:
        if len(strip.pictures) != len(columns) or len(strip.below) not in {0, len(columns)}:
            raise ValueError(f"a strip must have {len(columns)} pictures, one for each column")
    if not strips or not columns or cell < 2:
        raise ValueError("a sheet needs a strip, a column and cells of 2 px or more")
    # Positions of everything.
    lettering = Lettering.for_cell(cell)
    layout = Layout(
        columns=len(columns),
        below=[bool(strip.below) for strip in strips],
        cell=cell,
        head=lettering.line if any(columns) else 0,
        side=lettering.line if any(strip.label or strip.below_label for strip in strips) else 0,
    )
    # Names, then pictures.
    sheet = Image.new("RGB", layout.size, _PAPER)
    for column, name in enumerate(columns):
        lettering.write(sheet, layout.head_box(column), name)
    for place, strip in enumerate(strips):
        _draw(sheet, layout, lettering, place, strip)
    write_image(path, from_uint8(np.asarray(sheet)), metadata=metadata)


def _draw(sheet: Image.Image, layout: Layout, lettering: Lettering, place: int, strip: Strip) -> None:
    """Draws the strip with the number ``place``."""
    for column, picture in enumerate(strip.pictures):
        box = layout.box(place, column)
        if picture is None:
            sheet.paste(_EMPTY, box)
            lettering.write(sheet, box, _NO_PICTURE)
        else:
            _paste(sheet, box, picture)
    for column, picture in enumerate(strip.below):
        if picture is not None:
            _paste(sheet, layout.below_box(place, column), picture)
    lettering.write_upwards(sheet, layout.side_box(layout.box(place, 0)), strip.label)
    lettering.write_upwards(sheet, layout.side_box(layout.below_box(place, 0)), strip.below_label)


def _paste(sheet: Image.Image, box: Box, picture: Picture) -> None:
    """Resizes a picture to fit into a box, and pastes it there centred."""
    pixels = read_image(picture).pixels if isinstance(picture, Path) else picture
    image = Image.fromarray(to_uint8(pixels))
    side = box[2] - box[0]
    scale = side / max(image.size)
    width, height = (max(1, round(length * scale)) for length in image.size)
    if (width, height) != image.size:
        image = image.resize((width, height), Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS)
    sheet.paste(image, (box[0] + (side - width) // 2, box[1] + (side - height) // 2))
