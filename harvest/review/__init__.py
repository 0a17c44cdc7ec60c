"""What people look at and overrule: copies side by side, what filters chose, pictures to judge, and their verdicts."""

from harvest.reports import ReportFiles
from harvest.review.bad_list import bad_list_of, placed_files, read_bad_list
from harvest.review.choices import ChoiceReport, Judging
from harvest.review.choices_numbers import Bound
from harvest.review.choices_report import choices_to_json, write_choice_report
from harvest.review.copies import CopyGroup, CopyReport, Member, copy_report
from harvest.review.judging import Suggestion, write_judging_page
from harvest.review.report import to_json, write_copy_report
from harvest.review.splits import SplitReport
from harvest.review.splits_report import split_to_json, too_easy, write_split_report
from harvest.review.verdicts import Verdict, give, in_force, read_verdicts, take_back
from harvest.review.wall import Wall

__all__ = [
    "Bound",
    "ChoiceReport",
    "CopyGroup",
    "CopyReport",
    "Judging",
    "Member",
    "ReportFiles",
    "SplitReport",
    "Suggestion",
    "Verdict",
    "Wall",
    "bad_list_of",
    "choices_to_json",
    "copy_report",
    "give",
    "in_force",
    "placed_files",
    "read_bad_list",
    "read_verdicts",
    "split_to_json",
    "take_back",
    "to_json",
    "too_easy",
    "write_choice_report",
    "write_copy_report",
    "write_judging_page",
    "write_split_report",
]
