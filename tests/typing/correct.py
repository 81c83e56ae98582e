"""Uses that type checkers must accept; checked by ``test_typing.py``, never run."""

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol, TypedDict, assert_type

from cordial_segment import (
    EVENT_NAMES,
    ORIGIN_FIELDS,
    Allow,
    Block,
    BlockAll,
    Channel,
    InvalidFieldError,
    KeyCollisionError,
    MissingFieldError,
    NestingError,
    PayloadTooLargeError,
    Policy,
    SendAll,
    TrackPayload,
    TranslationError,
    build_track_payload,
    enrich_email_fields,
    flatten,
    is_blocked,
    map_event,
)

# What json.loads gives is Any, and goes in as it is.
record = json.loads("{}")
payload = build_track_payload(record)
assert_type(payload, TrackPayload)


# So does a record that was typed by its owner, and any other mapping.
class Click(TypedDict):
    action: Literal["click"]
    cID: str
    lTags: list[str]


click: Click = {"action": "click", "cID": "c1", "lTags": ["sale"]}
build_track_payload(click)
is_blocked(click)
enrich_email_fields(click)
flatten(click)
build_track_payload({"action": "open", "cID": "c1", "time": datetime.now()})
build_track_payload(OrderedDict[str, object](action="open", cID="c1"))

# Every option, once as it is most often given and once as a value that may be missing.
build_track_payload(
    record,
    channel="email",
    message={"name": "Fall Sale", "subject": "10% off"},
    user_id="u1",
    write_key="key",
    message_id="m1",
    context={"ip": "203.0.113.7"},
    integrations={"All": True, "Cordial (Actions)": False},
    separator=".",
)
build_track_payload(
    record,
    channel=Channel.SMS,
    message=None,
    user_id=None,
    write_key=None,
    message_id=None,
    context=None,
    integrations=None,
)

# The payload's fields have types of their own; the optional ones are read with get.
assert_type(payload["type"], Literal["track"])
assert_type(payload["event"], str)
assert_type(payload["properties"], dict[str, Any])
assert_type(payload["context"], dict[str, Any])
assert_type(payload["integrations"], dict[str, Any])
assert_type(payload.get("anonymousId"), str | None)
assert_type(payload.get("userId"), str | None)
assert_type(payload.get("messageId"), str | None)
assert_type(payload.get("timestamp"), str | None)
assert_type(payload.get("writeKey"), str | None)
if "messageId" in payload:
    assert_type(payload["messageId"], str)


# A payload goes wherever a mapping is wanted, and its fields into a client's parameters, without a cast.
def send(body: Mapping[str, object]) -> None: ...
def send_all(bodies: Sequence[Mapping[str, Any]]) -> None: ...


send(payload)
send_all([payload, payload])
json.dumps(payload)


class TrackClient(Protocol):
    """The parameters of ``track`` in Segment's official client, which itself has no annotations."""

    def track(
        self,
        *,
        user_id: str | None = None,
        event: str | None = None,
        properties: dict[str, Any] | None = None,
        context: dict[str, Any] | None = None,
        timestamp: datetime | None = None,
        anonymous_id: str | None = None,
        integrations: dict[str, Any] | None = None,
        message_id: str | None = None,
    ) -> tuple[bool, dict[str, Any]]: ...


def send_by_client(client: TrackClient, payload: TrackPayload) -> None:
    timestamp = payload.get("timestamp")
    client.track(
        user_id=payload.get("userId"),
        anonymous_id=payload.get("anonymousId"),
        event=payload["event"],
        properties=payload["properties"],
        context=payload["context"],
        timestamp=None if timestamp is None else datetime.fromisoformat(timestamp),
        integrations=payload["integrations"],
        message_id=payload.get("messageId"),
    )


# Event names.
assert_type(map_event("open"), str)
map_event("click", "sms")
map_event("click", Channel.SMS)
map_event("click", None)
assert_type(Channel("push"), Channel)
assert_type(EVENT_NAMES, Mapping[Channel, Mapping[str, str]])
name: str = EVENT_NAMES[Channel.EMAIL]["open"]
channel_text: str = Channel.EMAIL

# Flattening takes what nests, and its options by name.
assert_type(flatten({"a": {"b": 1}}), dict[str, Any])
flatten([{"a": 1}, 2], separator=".", max_depth=10)
flatten(((1, 2), 3))
assert_type(enrich_email_fields(record, {"subject": "Hi"}), dict[str, Any])

# Policies and rules.
policy = Policy(email=Allow("open", "click"), mobile=SendAll(), sms=BlockAll(), rest=BlockAll(), custom=Block("browse"))
assert_type(policy, Policy)
assert_type(policy.allows("open", "email"), bool)
assert_type(policy.allows("open", Channel.EMAIL), bool)
assert_type(Allow("open").allows("open"), bool)
assert_type(Policy.from_dict({"email": {"allow": ["open"]}, "sms": "block_all"}), Policy)
policies: dict[Policy, str] = {policy: "strict"}
rules: list[Allow | Block | SendAll | BlockAll] = [Allow("open"), Block(), SendAll(), BlockAll()]

# is_blocked takes a policy, a rule, or anything with their method.
assert_type(is_blocked(record), bool)
is_blocked(record, policy)
is_blocked(record, Block("browse"))
is_blocked(record, None, channel="sms", origin_fields=("properties.via",))
is_blocked(record, policy, channel=Channel.SMS, origin_fields=[*ORIGIN_FIELDS, "properties.via"])
assert_type(ORIGIN_FIELDS, tuple[str, ...])


class OfficeHours:
    def allows(self, action: str, channel: Channel) -> bool:
        return action != "browse" and channel is not Channel.SMS


is_blocked(record, OfficeHours())

# Errors: one base, each a ValueError, with the place.
try:
    build_track_payload(record)
except KeyCollisionError as error:
    assert_type(error.key, str)
    assert_type(error.paths, tuple[str, str])
except (MissingFieldError, InvalidFieldError, NestingError, PayloadTooLargeError) as error:
    assert_type(error.path, str | None)
except TranslationError as error:
    assert_type(error.path, str | None)
base: type[ValueError] = TranslationError

# The functions are plain values for map, pools and pipelines.
translate: Callable[[Mapping[str, Any]], TrackPayload] = build_track_payload
payloads: list[TrackPayload] = list(map(build_track_payload, [click, click]))
