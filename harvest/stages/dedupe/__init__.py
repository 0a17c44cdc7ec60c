"""Copies among a ledger's images: found, grouped, and the best of each group kept."""

from harvest.stages.dedupe.stage import STAGE, dedupe_digest, run_dedupe

__all__ = ["STAGE", "dedupe_digest", "run_dedupe"]
