"""Nearest images by meaning: asked with words, with pictures, or with both."""
