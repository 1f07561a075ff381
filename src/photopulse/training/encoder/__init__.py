"""Trains the encoder that tells styles from small faces."""
