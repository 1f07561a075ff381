"""The networks that restore pictures in one pass, their weights, and how they run in tiles."""
