"""When an event happened, in Segment's form."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from ._errors import InvalidFieldError, is_a, shown

__all__ = ["read_timestamp"]

_FIELDS = ("time", "ats", "ts")

_UTC = frozenset({"", "Z", "+0000", "+00:00"})

# What is read of ISO 8601, so that it does not change with Python's own reader: a calendar or week date, alone or with
# a time of day to the hour or finer, and an offset to the second. Its lower case is RFC 3339's.
_ISO_8601 = (
    r"(?:\d{4}-\d\d-\d\d|\d{8}|\d{4}-W\d\d-\d|\d{4}W\d{3})"
    r"(?:[Tt ](?P<hour>\d\d)(?P<rest>(?::?\d\d(?::?\d\d(?:[.,]\d+)?)?)?)(?:[Zz]|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?)?"
)


def read_timestamp(record: dict[Any, Any]) -> tuple[str, str] | None:
    """Give the first time field that has a value, and the value as UTC with milliseconds and ``Z``.

    ``None`` where no field has one. Digits past the millisecond are cut off, so that no event moves to a later second.
    """
    for field in _FIELDS:
        value = record.get(field)
        if value is None:
            continue
        text = value if type(value) is str else str.__str__(value) if is_a(value, str) else None
        if text == "":
            continue
        try:
            return field, _from_text(text) if text else _from_datetime(value)
        except Exception as error:
            raise InvalidFieldError(
                f"{shown(value)} is no time that can be read: expected ISO 8601 such as '2021-10-22T16:11:48+00:00', "
                "or a datetime",
                path=field,
            ) from error
    return None


def _from_text(text: str) -> str:
    # As Cordial writes it, only the end of the text changes; the reading proves it, and costs a fifth of all the rest.
    start = text[:19]
    if text[19:] in _UTC and start[4::3] == "--T::" and "T24" not in start and start[17:].isdigit():
        datetime.fromisoformat(start)
        return start + ".000Z"
    match = re.fullmatch(_ISO_8601, text, re.ASCII)  # compiled at first use, which keeps the import quick
    if not match:
        raise ValueError("not ISO 8601")
    if match["hour"] != "24":
        return _from_datetime(datetime.fromisoformat(text.upper()))
    # The end of a day is the start of the next; Python itself reads it from 3.14 on.
    if match["rest"].strip("0:.,"):
        raise ValueError("no time of day is later than 24:00")
    at = match.start("hour")
    midnight = datetime.fromisoformat(f"{text[:at]}00{text[at + 2 :]}".upper())
    return _from_datetime(midnight + timedelta(days=1))


def _from_datetime(moment: Any) -> str:
    offset = moment.utcoffset()
    moment = moment.replace(tzinfo=None)
    if offset:
        moment -= offset
    return datetime.isoformat(moment, timespec="milliseconds") + "Z"
