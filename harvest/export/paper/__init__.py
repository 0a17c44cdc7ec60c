"""The paper trail that goes with every export, whatever its format."""

from harvest.export.paper.census import Census, census
from harvest.export.paper.croissant import write_croissant
from harvest.export.paper.datasheet import QUESTIONS, write_datasheet
from harvest.export.paper.digests import write_digests
from harvest.export.paper.lists import write_credits, write_lines, write_manifest
from harvest.export.paper.terms import write_licences

__all__ = [
    "QUESTIONS",
    "Census",
    "census",
    "write_credits",
    "write_croissant",
    "write_datasheet",
    "write_digests",
    "write_licences",
    "write_lines",
    "write_manifest",
]
