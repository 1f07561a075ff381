"""Draws text on sheets of pictures, never wider than its box."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Box = tuple[int, int, int, int]

_INK = (0, 0, 0)
_PAPER = (255, 255, 255)
_SMALLEST = 9


@dataclass(frozen=True, kw_only=True)
class Lettering:
    """Font size and line height for the text on a sheet.

    Attributes:
        size: font size in px; texts that do not fit are drawn smaller, then shortened.
        line: height of a line with its margins, in px.
    """

    size: int
    line: int

    @classmethod
    def for_cell(cls, cell: int) -> "Lettering":
        """Returns the sizes that suit pictures with a side of ``cell`` px."""
        size = min(max(cell // 15, 11), 28)
        return cls(size=size, line=round(1.7 * size))

    def write(self, sheet: Image.Image, box: Box, text: str) -> None:
        """Draws a line of text in the middle of a box (left, top, right, bottom)."""
        shown, font = self._fit(text, box[2] - box[0])
        middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        ImageDraw.Draw(sheet).text(middle, shown, fill=_INK, font=font, anchor="mm")

    def write_upwards(self, sheet: Image.Image, box: Box, text: str) -> None:
        """Draws a line of text in the middle of a box, turned so that it reads from bottom to top."""
        if not text:
            return
        width, height = box[2] - box[0], box[3] - box[1]
        lying = Image.new("RGB", (height, width), _PAPER)
        self.write(lying, (0, 0, height, width), text)
        sheet.paste(lying.transpose(Image.Transpose.ROTATE_90), box[:2])

    def _fit(self, text: str, width: int) -> tuple[str, ImageFont.FreeTypeFont]:
        """Returns the text, shortened if need be, and the largest font with which it fits into ``width`` px."""
        for size in range(self.size, _SMALLEST - 1, -1):
            font = _font(size)
            if font.getlength(text) <= width:
                return text, font
        font = _font(_SMALLEST)
        while text and font.getlength(f"{text}…") > width:
            text = text[:-1]
        return f"{text}…", font


def _font(size: int) -> ImageFont.FreeTypeFont:
    """Loads DejaVu Sans, which comes with Matplotlib and covers most scripts."""
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)
