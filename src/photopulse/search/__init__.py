"""Searching a generator's latent space for faces that downscale to the input."""
