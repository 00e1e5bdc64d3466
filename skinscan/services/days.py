"""On which day something was, where it was."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Protocol
from zoneinfo import ZoneInfo


class Dated(Protocol):
    """A row of the record with its instant and the name of its time zone."""

    at: datetime
    zone: str


def local(row: Dated) -> datetime:
    return row.at.astimezone(ZoneInfo(row.zone))


def day_of(row: Dated) -> date:
    return local(row).date()


def time_of(row: Dated) -> time:
    return local(row).time().replace(microsecond=0, tzinfo=None)
