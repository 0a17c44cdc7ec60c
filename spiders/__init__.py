"""One file for each kind of source. A spider parses; it fetches, stores and decides nothing."""

DISTRIBUTION = "herbarium-harvester"
