"""Training of the network that restores faces with a generator as its decoder."""
