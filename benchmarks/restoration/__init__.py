"""The parts of portrait_restoration.py."""
