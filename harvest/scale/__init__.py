"""The same work over many machines, by Ray Data."""
