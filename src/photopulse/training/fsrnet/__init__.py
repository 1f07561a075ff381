"""Recipes of FSRNet and FSRGAN, which `photopulse evaluate` compares with."""
