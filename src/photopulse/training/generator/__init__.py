"""Trains a StyleGAN2 on any pictures of one domain."""
