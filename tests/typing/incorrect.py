"""Mistakes that type checkers must report; checked by ``test_typing.py``, never run.

Each line says which error both checkers give. One that stops being an error fails as an unused ignore.
"""

from cordial_segment import (
    EVENT_NAMES,
    Allow,
    BlockAll,
    Channel,
    Policy,
    SendAll,
    batch_payloads,
    build_track_payload,
    channel_of,
    enrich_email_fields,
    flatten,
    is_blocked,
    map_event,
    open_envelope,
)

record: dict[str, object] = {"action": "open", "cID": "c1"}

# A record is one mapping: no list, no JSON text, no None.
build_track_payload([record])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
build_track_payload("{}")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
build_track_payload(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
is_blocked(record["properties"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
channel_of("{}")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
enrich_email_fields("{}")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# Options go by name, and by their right one.
build_track_payload(record, "email")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
build_track_payload(record, userId="u1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
build_track_payload(record, user_id=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
build_track_payload(record, context=["ip"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
build_track_payload(record, contact="c1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
build_track_payload(record, channel=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
flatten({}, "_")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
flatten({}, max_depth="10")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
flatten("text")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
flatten({1, 2})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# A payload has its own fields and no others; an optional one is a string where it is there.
payload = build_track_payload(record)
payload["properites"]  # type: ignore[typeddict-item]  # pyright: ignore[reportGeneralTypeIssues]
payload["event"] = None  # type: ignore[typeddict-item]  # pyright: ignore[reportGeneralTypeIssues]
payload["type"] = "identify"  # type: ignore[typeddict-item]  # pyright: ignore[reportGeneralTypeIssues]
payload["messageId"]  # pyright: ignore[reportTypedDictNotRequiredAccess]
identifier: str = payload.get("userId")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]

# An envelope opens to a record and perhaps a contact, and batches hold payloads.
event, contact = open_envelope({"event": record})
contact["cID"]  # type: ignore[index]  # pyright: ignore[reportOptionalSubscript]
batch_payloads([event])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
batch_payloads([payload], 500)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
batch_payloads([payload], max_events="500")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
len(batch_payloads([payload]))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# Rules take actions one by one, and a policy takes rules by channel.
Allow(["open", "click"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Allow(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SendAll("open")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
BlockAll("open")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Policy(Allow("open"))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Policy(email="block_all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Policy(email=BlockAll)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Policy(email=Policy())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Policy(push=BlockAll())  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Policy.from_dict([("email", "block_all")])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Allow("open").allows("open", "email")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Policy().allows("open")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

# A policy decides in is_blocked, and a rule what robots do: neither can take the place of the other.
is_blocked(record, "block_all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
is_blocked(record, BlockAll)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
is_blocked(record, BlockAll())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
is_blocked(record, {"email": "block_all"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
is_blocked(record, robots=Policy())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
is_blocked(record, robots=True)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class WrongAnswer:
    def allows(self, action: str, channel: Channel) -> str:
        return "yes"


class WrongRule:
    def allows(self, action: int) -> bool:
        return action > 0


Policy(email=WrongRule())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
is_blocked(record, WrongAnswer())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# An action is a string, and the table of names is read only.
map_event(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
map_event("open", 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
EVENT_NAMES["email"]["open"] = "Opened"  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
EVENT_NAMES["email"] = {}  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
EVENT_NAMES[1]  # type: ignore[index]  # pyright: ignore[reportArgumentType]
EVENT_NAMES[Channel.EMAIL]["open"] = "Opened"  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
print(Channel.PUSH)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue,reportUnknownMemberType,reportUnknownArgumentType]
