"""`python -m harvest.crawl SOURCE.yaml`."""

from __future__ import annotations

import sys

INTERRUPTED = 130

if __name__ == "__main__":
    try:
        from harvest.crawl.process import main

        sys.exit(main())
    except KeyboardInterrupt:  # before Scrapy listens for it: nothing was begun
        sys.exit(INTERRUPTED)
