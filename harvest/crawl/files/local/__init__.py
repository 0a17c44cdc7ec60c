"""Images that are on this machine already: where they lie, and what stands beside them about their rights."""
