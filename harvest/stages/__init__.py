"""What is done with a ledger's images: find copies, see what they show, choose, size and lay out."""

from harvest.stages.labelling import labelled_by
from harvest.stages.pipeline import STAGES, Stage, check_recipe, size_digests, stage_digests
from harvest.stages.report import StageReport

__all__ = ["STAGES", "Stage", "StageReport", "check_recipe", "labelled_by", "size_digests", "stage_digests"]
