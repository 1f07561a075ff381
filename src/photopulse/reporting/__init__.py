"""How results are presented: estimates with intervals, CSV, plots, and sheets of pictures."""
