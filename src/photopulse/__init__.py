"""Makes faces in photos sharp."""
