"""Sources asked again: is the image still there, and do its terms still hold?"""

from harvest.audit.recheck.passes import RecheckReport, RecheckTerms, recheck

__all__ = ["RecheckReport", "RecheckTerms", "recheck"]
