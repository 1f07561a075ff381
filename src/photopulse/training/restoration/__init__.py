"""Recipes of the networks of `photopulse restore`."""
