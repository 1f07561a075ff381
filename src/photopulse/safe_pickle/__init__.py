"""Reads pickled arrays without running anything that a pickle asks for."""
