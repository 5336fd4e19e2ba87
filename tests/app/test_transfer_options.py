"""What may be typed where a time or an id is asked for."""

from datetime import UTC, datetime

import click
import pytest

from app.console.transfer_options import Moment, Uuid


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-07-01", datetime(2026, 7, 1, tzinfo=UTC)),
        ("2026-07-01T12:30", datetime(2026, 7, 1, 12, 30, tzinfo=UTC)),
        ("2026-07-01T12:30:00Z", datetime(2026, 7, 1, 12, 30, tzinfo=UTC)),
        ("2026-07-01 12:30:00+02:00", datetime(2026, 7, 1, 10, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_in_utc_unless_it_says_otherwise(text: str, moment: datetime) -> None:
    assert Moment().convert(text, None, None) == moment


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "", "0001-01-01T00:00:00+23:00"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a time such as 2026-07-01"):
        Moment().convert(text, None, None)


def test_an_id_is_taken_in_capitals_too() -> None:
    assert Uuid().convert("0199C2F4-7D1E-7C3A-9B52-0D3A5C1E8F00", None, None) == "0199c2f4-7d1e-7c3a-9b52-0d3a5c1e8f00"


@pytest.mark.parametrize("text", ["7", "0199c2f47d1e7c3a9b520d3a5c1e8f00", "x199c2f4-7d1e-7c3a-9b52-0d3a5c1e8f00"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a UUID"):
        Uuid().convert(text, None, None)
