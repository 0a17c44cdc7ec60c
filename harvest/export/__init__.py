"""Finished datasets: the selected images in the form a training tool wants, with their paper trail."""

from harvest.export.base import Entry, ExportedFile, ExportFormat, ExportSettings
from harvest.export.registry import FORMATS, ExportJob, build
from harvest.export.runner import ExportReport, remake_export, run_exports

__all__ = [
    "FORMATS",
    "Entry",
    "ExportFormat",
    "ExportJob",
    "ExportReport",
    "ExportSettings",
    "ExportedFile",
    "build",
    "remake_export",
    "run_exports",
]
