"""When an event happened, in Segment's form."""

import re
from datetime import datetime
from functools import cache

from ._errors import InvalidFieldError, shown
from ._records import Record, is_blank

# A date, perhaps a time of day, perhaps an offset: Python alone would read the epoch 1711123112345 as a day of 1711,
# and only some versions the hour 24. Warehouses write a space before the offset, or UTC for it. At most 64 characters.
_ISO_8601 = (
    r"(?a)(?!.{65})(\d{4}-?\d\d-?\d\d|\d{4}-?W\d\d(?:-?\d)?)"
    r"(?:[T ]((?!24)\d\d(?::?\d\d(?::?\d\d(?:[.,]\d+)?)?)?)(?: ?(?:UTC|(Z|[+-]\d\d(?::?[0-5]\d(?::?[0-5]\d)?)?)))?)?"
)
_AS_CORDIAL_WRITES = r"(?a)\d{4}-\d\d-\d\dT(?!24)\d\d:\d\d:\d\d\+0000"
_compiled = cache(re.compile)  # when first used, which keeps the import quick


def read_timestamp(record: Record) -> tuple[str, str]:
    """Return the first time field that has a value, or ``""``, and the value as UTC with milliseconds and ``Z``."""
    for field in ("time", "ats", "ts"):
        value = record.get(field)
        if value is not None and not (isinstance(value, str) and is_blank(value)):
            break
    else:
        return "", ""
    try:
        return field, _from_text(value) if isinstance(value, str) else _from_datetime(value)
    except RecursionError:
        raise
    except Exception as error:  # a datetime's tzinfo may raise anything
        right = "expected ISO 8601 such as '2021-10-22T16:11:48+00:00' or a datetime, not an epoch"
        raise InvalidFieldError(f"{shown(value)} is not a time: {right}", path=field) from error


def _from_text(text: str) -> str:
    if _compiled(_AS_CORDIAL_WRITES).fullmatch(text):  # in the right form already, and read only to prove it
        datetime.fromisoformat(text)
        return text[:19] + ".000Z"
    match = _compiled(_ISO_8601).fullmatch(text)
    if not match:
        raise ValueError("not ISO 8601")
    date, clock, offset = match.groups()
    return _from_datetime(datetime.fromisoformat(f"{date}T{clock}{offset or ''}" if clock else date))


def _from_datetime(moment: datetime) -> str:
    if offset := moment.utcoffset():
        moment = moment.replace(tzinfo=None) - offset
    # Digits past the millisecond are cut off, not rounded, so that no event moves to a later second.
    return datetime.isoformat(moment, timespec="milliseconds")[:23] + "Z"
