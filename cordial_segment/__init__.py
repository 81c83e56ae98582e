"""Translate Cordial event records into Segment track payloads: pure functions without dependencies.

>>> from cordial_segment import build_track_payload
>>> build_track_payload({"action": "open", "cID": "c1"})["event"]
'Email Opened'
"""

# fmt: off
# isort: off
from ._batches import batch_payloads
from ._blocking import ORIGIN_FIELDS, is_blocked
from ._channels import Channel, channel_of
from ._email import enrich_email_fields
from ._envelopes import open_envelope
from ._errors import InvalidFieldError, KeyCollisionError, MissingFieldError, NestingError
from ._errors import PayloadTooLargeError, TranslationError
from ._events import EVENT_NAMES, map_event
from ._flattening import flatten
from ._payloads import TrackPayload, build_track_payload
from ._policies import Allow, Block, BlockAll, Policy, Rule, SendAll

__all__ = [
    "EVENT_NAMES", "ORIGIN_FIELDS", "Allow", "Block", "BlockAll", "Channel", "InvalidFieldError", "KeyCollisionError",
    "MissingFieldError", "NestingError", "PayloadTooLargeError", "Policy", "Rule", "SendAll", "TrackPayload",
    "TranslationError", "batch_payloads", "build_track_payload", "channel_of", "enrich_email_fields", "flatten",
    "is_blocked", "map_event", "open_envelope",
]
# fmt: on

# Tracebacks and pickles name the package, whatever its modules are called.
for _name in __all__:
    if isinstance(_value := globals()[_name], type):
        _value.__module__ = __name__
