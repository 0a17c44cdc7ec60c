"""Finished datasets: the selected images in the form a training tool wants, with their paper trail."""

from harvest.export.base import Entry, ExportedFile, ExportFormat, ExportSettings
from harvest.export.checking import Checked
from harvest.export.gates import Finding
from harvest.export.registry import FORMATS, ExportJob, build
from harvest.export.runner import ExportReport, check_exports, remake_export, run_exports

__all__ = [
    "FORMATS",
    "Checked",
    "Entry",
    "ExportFormat",
    "ExportJob",
    "ExportReport",
    "ExportSettings",
    "ExportedFile",
    "Finding",
    "build",
    "check_exports",
    "remake_export",
    "run_exports",
]
