"""Detectors that measure one number in a picture, each with the weights that its package ships."""
