"""Files of generators, of every maker: which kind a file is, and the generator that is in it."""
