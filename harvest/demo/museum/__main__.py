"""`python -m harvest.demo.museum --cache DIR`: serve until standard input closes or SIGTERM comes."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
from pathlib import Path

from harvest.demo.museum.collection import draw_collection
from harvest.demo.museum.server import MuseumServer


def main() -> None:
    """Draw what is not drawn yet, print `{"proxy": ..., "port": ...}` on one line, and serve."""
    parser = argparse.ArgumentParser(prog="python -m harvest.demo.museum", description=__doc__)
    parser.add_argument("--cache", type=Path, help="folder that keeps the drawings (default: a temporary one)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", choices=("small", "full"), default="full")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="museum-") as temporary:
        collection = draw_collection(arguments.cache or Path(temporary), arguments.seed, arguments.scale)
        server = MuseumServer(collection)
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        if sys.stdin.isatty():
            signal.signal(signal.SIGINT, lambda *_: threading.Thread(target=server.shutdown).start())
        else:  # an interrupt at the terminal is for the harvester, which ends in order and then closes our input
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=_stop_at_end_of_input, args=[server], daemon=True).start()
        sys.stdout.write(json.dumps({"proxy": server.proxy, "port": server.server_port}) + "\n")
        sys.stdout.flush()
        server.serve_forever(poll_interval=0.1)
        server.server_close()


def _stop_at_end_of_input(server: MuseumServer) -> None:
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
