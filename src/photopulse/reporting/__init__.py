"""How figures are shown: intervals, plots, strips of pictures, letters on pictures."""
