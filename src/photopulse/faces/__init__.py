"""Faces in photos: detection, face mesh, alignment and its inverse, and skin tone."""
