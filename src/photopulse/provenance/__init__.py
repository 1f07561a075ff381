"""The invisible mark of generated pictures, and what a picture file says about its origin."""
