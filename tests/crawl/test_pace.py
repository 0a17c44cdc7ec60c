"""What Retry-After says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from harvest.hosts.budgets import retry_after


@pytest.mark.parametrize(
    ("value", "expected"), [("0", 0.0), (" 120 ", 120.0), ("-5", None), ("soon", None), (None, None)]
)
def test_seconds(value, expected):
    assert retry_after(value) == expected


def test_dates():
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert retry_after(format_datetime(later, usegmt=True)) == pytest.approx(90, abs=30)
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
