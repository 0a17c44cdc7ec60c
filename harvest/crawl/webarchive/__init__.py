"""Web archives: indexes of captures, replay, and WARC files."""
