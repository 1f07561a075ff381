"""Feed-forward networks for restoration and super-resolution, their weights, and tiled inference."""
