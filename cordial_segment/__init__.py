"""Cordial event records to Segment track payloads, as pure functions with no dependency.

>>> from cordial_segment import build_track_payload
>>> build_track_payload({"action": "open", "cID": "c1"})["event"]
'Email Opened'
"""

from ._blocking import ORIGIN_FIELDS, is_blocked
from ._email import enrich_email_fields
from ._errors import (
    InvalidFieldError,
    KeyCollisionError,
    MissingFieldError,
    NestingError,
    PayloadTooLargeError,
    TranslationError,
)
from ._events import EVENT_NAMES, Channel, map_event
from ._flattening import flatten
from ._payloads import TrackPayload, build_track_payload
from ._policies import Allow, Block, BlockAll, Policy, SendAll

__all__ = [
    "EVENT_NAMES",
    "ORIGIN_FIELDS",
    "Allow",
    "Block",
    "BlockAll",
    "Channel",
    "InvalidFieldError",
    "KeyCollisionError",
    "MissingFieldError",
    "NestingError",
    "PayloadTooLargeError",
    "Policy",
    "SendAll",
    "TrackPayload",
    "TranslationError",
    "build_track_payload",
    "enrich_email_fields",
    "flatten",
    "is_blocked",
    "map_event",
]

# Where a class is from is part of what is pickled and printed: it is this package, whatever its modules are.
for _name in __all__:
    if isinstance(_value := globals()[_name], type):
        _value.__module__ = __name__


def __dir__() -> list[str]:
    return __all__
