"""Pages that need nothing but themselves: one look, their own pictures, no network, all metadata treated as text."""

from harvest.reports.files import ReportFiles, moment, write_report
from harvest.reports.page import render
from harvest.reports.thumbnails import Thumbnails

__all__ = ["ReportFiles", "Thumbnails", "moment", "render", "write_report"]
