"""Measuring what is not measured yet: scorers over the originals of a workspace, rows in its ledger."""
