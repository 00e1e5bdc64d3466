"""Days and times as people and cameras write them; what could mean two days is refused."""

from __future__ import annotations

import re
from datetime import date, time

_ISO = re.compile(r"^\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2}))?\S*)?\s*$")
_IN_NAME = re.compile(
    r"(?<!\d)((?:19|20)\d{2})([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
    r"(?:[-_ T.]+(?:at )?([01]\d|2[0-3])([-_.:h]?)([0-5]\d)\6([0-5]\d)(?:\d{3})?(?![-_.]?\d))?(?!\d)",
    re.IGNORECASE,
)


def parse(text: str) -> tuple[date, time | None]:
    """A day, with or without a time, as ISO 8601: 2026-03-04, 2026-03-04 10:30. Raises ValueError saying why not."""
    found = _ISO.match(text)
    if found is None:
        raise ValueError("a day is written 2026-03-04, with or without a time: 2026-03-04 10:30")
    year, month, day, hour, minute, second = found.groups()
    try:
        at = time(int(hour), int(minute), int(second or 0)) if hour else None
        return date(int(year), int(month), int(day)), at
    except ValueError as error:
        raise ValueError(f"there is no such day: {error}") from None


def in_name(name: str) -> tuple[date, time | None] | None:
    """The day in a file's name (IMG_20260304_103000, 2026-03-04 left), if exactly one can be read."""
    told = set()
    for found in _IN_NAME.finditer(name):
        year, _, month, day, hour, _, minute, second = found.groups()
        try:
            at = time(int(hour), int(minute), int(second or 0)) if hour else None
            told.add((date(int(year), int(month), int(day)), at))
        except ValueError:
            continue
    return told.pop() if len(told) == 1 else None
