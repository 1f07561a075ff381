"""Upscales small faces, aligns the faces of photos and samples faces: `photopulse upscale`, `align` and `sample`."""
