"""`python -m harvest.crawl SOURCE.yaml`."""

from __future__ import annotations

import sys

from harvest.crawl.process import main

if __name__ == "__main__":
    sys.exit(main())
