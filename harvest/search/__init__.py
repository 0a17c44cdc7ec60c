"""Nearest images by meaning: asked with words, with pictures, or with both."""

from harvest.search.answer import EXACT_UP_TO, Answer, Hit, search
from harvest.search.question import Part, Question, parts
from harvest.search.sheet import write_sheet

__all__ = ["EXACT_UP_TO", "Answer", "Hit", "Part", "Question", "parts", "search", "write_sheet"]
