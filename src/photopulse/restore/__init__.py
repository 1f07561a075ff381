"""Restoring pictures by a network in one pass: enlarging, and sharpening faces."""
