"""Reads pickled arrays and tensors without running any code that a pickle asks for."""
