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
    build_track_payload,
    enrich_email_fields,
    flatten,
    is_blocked,
    map_event,
)

record: dict[str, object] = {"action": "open", "cID": "c1"}

# A record is one mapping: no list, no JSON text, no None.
build_track_payload([record])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
build_track_payload("{}")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
build_track_payload(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
is_blocked(record["properties"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
enrich_email_fields("{}")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# Options go by name, and by their right one.
build_track_payload(record, "email")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
build_track_payload(record, userId="u1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
build_track_payload(record, user_id=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
build_track_payload(record, context=["ip"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
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

# Rules take actions one by one, and a policy takes rules by channel.
Allow(["open", "click"])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Allow(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SendAll("open")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
BlockAll("open")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Policy(Allow("open"))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Policy(email="block_all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Policy(push=BlockAll())  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Policy.from_dict([("email", "block_all")])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Policy().allows("open")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]

# What decides in is_blocked must have the method, with the right answer.
is_blocked(record, "block_all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
is_blocked(record, BlockAll)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class WrongAnswer:
    def allows(self, action: str, channel: Channel) -> str:
        return "yes"


is_blocked(record, WrongAnswer())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# An action is a string, and the table of names is read only.
map_event(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
map_event("open", 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
EVENT_NAMES[Channel.EMAIL]["open"] = "Opened"  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
print(Channel.PUSH)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue,reportUnknownMemberType,reportUnknownArgumentType]
