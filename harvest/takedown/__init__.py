"""Taking images out again, for good: who asked for what, what there is of it here, and nothing of it left."""

from harvest.holdings import ExportedCopy, Holdings, exported_copies, holdings_of
from harvest.takedown.naming import Named, Request, name_images
from harvest.takedown.removal import Plan, RemovalReport, carry_out, finish, plan

__all__ = [
    "ExportedCopy",
    "Holdings",
    "Named",
    "Plan",
    "RemovalReport",
    "Request",
    "carry_out",
    "exported_copies",
    "finish",
    "holdings_of",
    "name_images",
    "plan",
]
