"""Images to train, validate and test with, so that nothing that is tested was learned by heart."""

from harvest.stages.split.stage import STAGE, check_split, labels_of, run_split

__all__ = ["STAGE", "check_split", "labels_of", "run_split"]
