"""`photopulse serve`: a page and an API that restore photos and upscale faces."""
