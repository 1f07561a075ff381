"""EXIF data of 16-bit TIFFs, read back by Pillow and by tifffile."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import ExifTags, Image

from photopulse.images import read_image, write_image

TIME, ISO = "1999:12:31 23:59:59", 400


def block(*, place: bool) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera works"
    exif[ExifTags.Base.Artist] = "Zoë"  # no ASCII, which TIFF asks for
    exif[ExifTags.IFD.Exif] = {
        ExifTags.Base.DateTimeOriginal: TIME,
        ExifTags.Base.ISOSpeedRatings: ISO,
        ExifTags.Base.ExposureTime: 0.008,
    }
    if place:
        exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (52.0, 30.0, 0.5)}
    return exif.tobytes()


@pytest.mark.parametrize("place", [False, True])
@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("alpha", [None, torch.full((1, 1, 5, 7), 0.5)])
def test_camera_time_and_place_are_read_back(
    tmp_path: Path, place: bool, gray: bool, alpha: torch.Tensor | None
) -> None:
    pixels = torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    path = tmp_path / "a.tif"
    write_image(path, pixels, bits=16, exif=block(place=place), gray=gray, alpha=alpha, metadata={"Title": "Grüße"})
    with Image.open(path) as image:
        exif = image.getexif()
        assert exif[ExifTags.Base.Make] == "Camera works"
        details = exif.get_ifd(ExifTags.IFD.Exif)
        assert details[ExifTags.Base.DateTimeOriginal] == TIME
        assert details[ExifTags.Base.ISOSpeedRatings] == ISO
        assert float(details[ExifTags.Base.ExposureTime]) == pytest.approx(0.008)
        where = exif.get_ifd(ExifTags.IFD.GPSInfo)
        assert (dict(where) == {1: "N", 2: (52.0, 30.0, 0.5)}) == place
    with tifffile.TiffFile(path) as tiff:
        tags = tiff.pages.first.tags
        assert tags["ExifTag"].value["DateTimeOriginal"] == TIME
        assert ("GPSTag" in tags) == place
        assert tiff.pages.first.asarray().dtype == np.uint16
    kept = Image.Exif()
    kept.load(read_image(path).exif)
    assert kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == TIME
