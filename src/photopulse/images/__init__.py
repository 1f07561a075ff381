"""Reads picture files into tensors and writes tensors to picture files; no other package does either."""

from photopulse.images.arrays import from_uint8, to_uint8
from photopulse.images.folders import image_files
from photopulse.images.metadata import read_metadata, restored_metadata, synthetic_metadata
from photopulse.images.read import Photo, read_image
from photopulse.images.write import OUTPUT_SUFFIXES, write_image

__all__ = [
    "OUTPUT_SUFFIXES",
    "Photo",
    "from_uint8",
    "image_files",
    "read_image",
    "read_metadata",
    "restored_metadata",
    "synthetic_metadata",
    "to_uint8",
    "write_image",
]
