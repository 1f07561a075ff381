"""From small faces to large ones: `photopulse upscale`, `align` and `sample`, for one picture and for many."""
