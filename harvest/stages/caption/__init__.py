"""What images are called in training: words of their own by template, or as somebody wrote them."""

from harvest.stages.caption.stage import STAGE, check_captions, run_caption

__all__ = ["STAGE", "check_captions", "run_caption"]
