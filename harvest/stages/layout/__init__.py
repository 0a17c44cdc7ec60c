"""Rectified mosaics of the selected images, with their positions, viewers and figures of merit."""

from harvest.stages.layout.stage import STAGE, run_layout

__all__ = ["STAGE", "run_layout"]
