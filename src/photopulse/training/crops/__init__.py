"""Cuts square pictures of single things, e.g. cells, out of larger pictures, for the training of a generator."""
