"""The demo museum: several hosts on one loopback port, with everything planted that a harvester meets in the wild.

Its hosts have names under `.test`, which cannot exist (RFC 6761), and are reached through the server as a proxy, so
that addresses, and manifests made from them, are the same in every run.
"""

from harvest.demo.museum.client import Museum
from harvest.demo.museum.collection import draw_collection
from harvest.demo.museum.planted import COPIES, GOOD, KINDS, Fate, Planted
from harvest.demo.museum.server import Logged

__all__ = ["COPIES", "GOOD", "KINDS", "Fate", "Logged", "Museum", "Planted", "draw_collection"]
