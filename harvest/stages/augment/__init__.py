"""Variants of images to learn from: turned, cropped, recoloured; never of what is held out, or may not be adapted."""

from harvest.stages.augment.stage import STAGE, run_augment

__all__ = ["STAGE", "run_augment"]
