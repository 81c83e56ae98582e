"""Uses that type checkers must accept; checked by ``test_typing.py``, never run."""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    Rule,
    SendAll,
    TrackPayload,
    TranslationError,
    batch_payloads,
    build_track_payload,
    channel_of,
    enrich_email_fields,
    flatten,
    is_blocked,
    map_event,
    open_envelope,
)

# json.loads returns Any, which goes in as it is.
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
    contact={"cID": "c1", "channels": {"email": {"address": "ann@example.com"}}},
    message={"name": "Fall Sale", "subject": "10% off"},
    user_id="u1",
    write_key="key",
    message_id="m1",
    context={"ip": "203.0.113.7"},
    integrations={"All": True, "Cordial (Actions)": False},
    separator=".",
)
build_track_payload(record, channel=Channel.SMS, contact=None, message=None, user_id=None, write_key=None)
build_track_payload(record, message_id=None, context=None, integrations=None)

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


# Channels and event names: a member will do, and so will its plain string.
assert_type(channel_of(record), Channel)
channel_of(click)
assert_type(map_event("open"), str)
map_event("click", "sms")
map_event("click", channel_of(record))
map_event("click", None)
assert_type(Channel("push"), Channel)
channel_text: str = Channel.EMAIL
assert_type(EVENT_NAMES["email"]["open"], str)
assert_type(EVENT_NAMES[Channel.EMAIL]["open"], str)
assert_type(EVENT_NAMES.get("email", {}).get("open"), str | None)
for channel, names in EVENT_NAMES.items():
    assert_type(names, Mapping[str, str])
    map_event("open", channel)

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
rules: list[Rule] = [Allow("open"), Block(), SendAll(), BlockAll()]


# A rule of one's own has the method, under whatever parameter's name, and no base class.
class Daytime:
    def allows(self, action: str) -> bool:
        return not action.startswith("night_")


class Short:
    def allows(self, name: str, limit: int = 9) -> bool:
        return len(name) < limit


own: Rule = Daytime()
Policy(email=Daytime(), sms=Short(), custom=own)
is_blocked(record, Policy(email=Daytime()), robots=Short())

# is_blocked takes a policy, or anything with its method, and a rule for robots.
assert_type(is_blocked(record), bool)
is_blocked(record, policy)
is_blocked(record, None, channel="sms", origin_fields=("properties.via",))
is_blocked(record, policy, channel=Channel.SMS, robots=None, origin_fields=[*ORIGIN_FIELDS, "properties.via"])
is_blocked(record, robots=Block("open", "click"))
assert_type(ORIGIN_FIELDS, tuple[str, ...])


class OfficeHours:
    def allows(self, action: str, channel: Channel) -> bool:
        return action != "browse" and channel is not Channel.SMS


class ByText:
    def allows(self, action: str, channel: str) -> bool:
        return (action, channel) != ("open", "email")


is_blocked(record, OfficeHours())
is_blocked(record, ByText())

# A webhook handler: open, decide, build, batch.
body: list[object] = json.loads("[]")


def payloads_of(items: Sequence[object]) -> Iterator[TrackPayload]:
    for item in items:
        event, contact = open_envelope(item)
        assert_type(event, Mapping[str, Any])
        assert_type(contact, Mapping[str, Any] | None)
        if not is_blocked(event, policy, robots=BlockAll()):
            yield build_track_payload(event, contact=contact)


for batch in batch_payloads(payloads_of(body)):
    assert_type(batch, list[TrackPayload])
    send({"batch": batch})
assert_type(batch_payloads([payload], max_bytes=400_000, max_events=100), Iterator[list[TrackPayload]])

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
translated: list[TrackPayload] = list(map(build_track_payload, [click, click]))
