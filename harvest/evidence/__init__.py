"""Raw answers of a crawl, kept as WARC or WACZ, and found again by what a sighting says of them."""

from harvest.evidence.package import pack
from harvest.evidence.reader import Finding, missing_records, read_record
from harvest.evidence.scrub import Scrubbed, Unwanted, held_payloads, scrub_run
from harvest.evidence.writer import Capture, WarcWriter, mend

__all__ = [
    "Capture",
    "Finding",
    "Scrubbed",
    "Unwanted",
    "WarcWriter",
    "held_payloads",
    "mend",
    "missing_records",
    "pack",
    "read_record",
    "scrub_run",
]
