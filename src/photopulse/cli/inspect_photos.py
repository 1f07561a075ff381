"""Prints the results of `photopulse restore --inspect`."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from photopulse.cli.console import print_line
from photopulse.cli.progress import file_told

if TYPE_CHECKING:
    from photopulse.restoration.inspect import Inspected


def print_inspected(photos: "Iterable[Inspected]", *, as_json: bool) -> bool:
    """Prints a line for each photo, or all as JSON, and returns whether all photos could be read."""
    # Unreadable photos are printed on stderr.
    rows: list[dict[str, object]] = []
    all_read = True
    for photo in photos:
        all_read = all_read and photo.error is None
        if as_json:
            rows.append(_row(photo))
        else:
            print_line(_line(photo), error=photo.error is not None)
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    return all_read


def _row(photo: "Inspected") -> dict[str, object]:
    told: dict[str, object] = {"input": str(photo.source)}
    if photo.damage is None:
        return told | {"error": photo.error}
    told |= {"size": photo.size} | asdict(photo.damage) | {"strength": round(photo.damage.strength, 3)}
    of_the_file = {"frames": photo.frames, "missing_rows": photo.missing_rows, "cut_off": photo.cut_off}
    return told | {"to_repair": photo.to_repair} | of_the_file


def _line(photo: "Inspected") -> str:
    damage = photo.damage
    if damage is None or photo.size is None:
        return f"{photo.source}  {photo.error}"
    # Word each measurement, then join them.
    blur = "no edges" if damage.blur is None else f"blur {damage.blur:.1f} px"
    jpeg = "no blocks" if damage.jpeg_quality == 100 else f"JPEG quality {damage.jpeg_quality}"
    fading = f"faded by {damage.fading.amount:.0%}  " if damage.fading.amount else ""
    screens = f"dots of print every {damage.screens[0].period:.1f} px  " if damage.screens else ""
    cleaned = f"would be cleaned by {damage.strength:.0%}" if damage.strength else "needs no cleaning"
    repair = f"  would be repaired in {photo.to_repair:.2%}" if photo.to_repair else ""
    file = "".join(f"  {words}" for words in file_told(photo.frames, photo.missing_rows, cut_off=photo.cut_off))
    return (
        f"{photo.source}  {photo.size[0]} x {photo.size[1]}  noise {damage.noise:.1f}  "
        f"colour noise {damage.chroma_noise:.1f}  {jpeg}  {blur}  {screens}{fading}{cleaned}{repair}{file}"
    )
