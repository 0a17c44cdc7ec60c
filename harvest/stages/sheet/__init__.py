"""The contact sheet: what stands on it, in which order, and the files that it becomes."""

from harvest.stages.sheet.stage import STAGE, run_sheet

__all__ = ["STAGE", "run_sheet"]
