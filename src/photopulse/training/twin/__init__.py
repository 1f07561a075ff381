"""The recipe of a generator's twins."""
