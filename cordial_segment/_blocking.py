"""Whether a record must not go to Segment: the guard against loops, robots, the account's policy."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from ._arguments import as_record, as_text
from ._channels import Channel, as_channel, channel_in
from ._errors import shown
from ._policies import Policy, Rule, require_policy, require_rule
from ._records import Record, read_mapping, read_required_action

ORIGIN_FIELDS: tuple[str, ...] = tuple(
    holder + name
    for holder in ("", "context.", "properties.", "system_properties.", "sp.")
    for name in ("source", "origin")
)
"""The dotted paths at which :func:`is_blocked` looks for the mark. Cordial documents none; a pipeline can write it."""


class _PolicyLike(Protocol):
    def allows(self, action: str, channel: Channel, /) -> bool: ...


def is_blocked(
    event: Mapping[str, Any],
    policy: _PolicyLike | None = None,
    *,
    channel: Channel | str | None = None,
    robots: Rule | None = None,
    origin_fields: Iterable[str] = ORIGIN_FIELDS,
) -> bool:
    """Whether a record must not be sent to Segment.

    A record that is marked as having come from Segment is always blocked, to prevent loops; any other, if the policy
    does not allow it. The mark is the string ``segment``, in upper or lower case, with any spaces around it.

    :param policy: A ``Policy``, or any object with its method ``allows(action, channel)``. Without one, all is allowed.
    :param channel: The record's channel, for the policy. The default is what ``channel_of`` returns.
    :param robots: A rule for records whose device is a robot's (``d.robot`` is ``True``, ``1``, or either as text), on
        top of the policy. With ``robots=Block("open", "click")``, opens and clicks of scanners and proxies are blocked.
    :param origin_fields: The dotted paths at which the mark is looked for.
    :raises TranslationError: If the action is needed and missing, or a field that is looked at has the wrong type.

    >>> from cordial_segment import Block, Policy, is_blocked
    >>> is_blocked({"properties": {"source": "Segment"}}), is_blocked({"action": "open"}, Policy(email=Block("open")))
    (True, True)

    Source: Cordial, "Send data from Cordial to Segment"; ``d.robot``: mParticle's page on its Cordial feed.
    """
    record = as_record(event, "event")
    if policy is not None and type(policy) is not Policy:
        require_policy(policy)
    if channel is not None:
        channel = as_channel(channel)
    if robots is not None:
        require_rule(robots, "robots")
    if _is_marked(record, _DEFAULT_PLACES if origin_fields is ORIGIN_FIELDS else _places(origin_fields)):
        return True
    if robots is not None and _is_robot(record) and not robots.allows(read_required_action(record)):
        return True
    if policy is None:
        return False
    action = read_required_action(record)
    return not policy.allows(action, channel or channel_in(record, action))


# The names to look up, by the steps to the mapping that may have them, each with the steps before it.
_Places = dict[tuple[tuple[str, tuple[str, ...]], ...], list[str]]


def _places(fields: Iterable[str]) -> _Places:
    if isinstance(fields, str):
        raise TypeError(f"origin_fields must be a list of dotted paths, not the string {shown(fields)}")
    places: _Places = {}
    for field in fields:
        *steps, name = as_text(field, "each of origin_fields").split(".")
        places.setdefault(tuple((step, tuple(steps[:depth])) for depth, step in enumerate(steps)), []).append(name)
    return places


_DEFAULT_PLACES = _places(ORIGIN_FIELDS)


def _is_marked(record: Record, places: _Places) -> bool:
    for steps, names in places.items():
        holder = record
        for step, before in steps:
            holder = read_mapping(holder, step, *before) if step in holder else {}
        for name in names:
            if name in holder and isinstance(text := holder[name], str) and text.strip()[:8].lower() == "segment":
                return True
    return False


def _is_robot(record: Record) -> bool:
    flag = read_mapping(record, "d").get("robot")
    if isinstance(flag, str):
        return flag.strip()[:5].lower() in ("true", "1")
    return isinstance(flag, (int, float)) and flag == 1
