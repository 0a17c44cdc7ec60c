"""Models that turn pictures, and some of them words, into vectors: found here, each fed as it was trained."""
