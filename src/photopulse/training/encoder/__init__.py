"""Trains the style encoder, which predicts styles from small faces."""
