"""What people look at and overrule: copies side by side, pictures to judge, and the verdicts given on them."""

from harvest.review.copies import CopyGroup, CopyReport, Member, copy_report
from harvest.review.judging import Suggestion, write_judging_page
from harvest.review.report import to_json, write_copy_report
from harvest.review.verdicts import Verdict, give, in_force, read_verdicts, take_back

__all__ = [
    "CopyGroup",
    "CopyReport",
    "Member",
    "Suggestion",
    "Verdict",
    "copy_report",
    "give",
    "in_force",
    "read_verdicts",
    "take_back",
    "to_json",
    "write_copy_report",
    "write_judging_page",
]
