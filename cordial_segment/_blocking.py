"""Whether a record must not go to Segment: the guard against loops, and the account's policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ._errors import is_a, shown
from ._events import Channel, as_channel, channel_of
from ._flattening import Place, is_mapping
from ._records import as_record, read_action

__all__ = ["ORIGIN_FIELDS", "is_blocked"]

_HOLDERS = ("context", "properties", "system_properties", "sp")

ORIGIN_FIELDS: tuple[str, ...] = (
    "source",
    "origin",
    *(f"{holder}.{name}" for holder in _HOLDERS for name in ("source", "origin")),
)
"""Where :func:`is_blocked` looks for the mark of Segment's origin: dotted paths.

Where Cordial itself puts the mark is not public; these are the places that a pipeline can write it to.
"""


if TYPE_CHECKING:  # a protocol takes a while to make, which every import would pay for
    from typing import Protocol

    class _Allows(Protocol):
        def allows(self, action: str, channel: Channel, /) -> bool: ...


def is_blocked(
    event: Mapping[str, Any],
    policy: _Allows | None = None,
    *,
    channel: Channel | str | None = None,
    origin_fields: Iterable[str] = ORIGIN_FIELDS,
) -> bool:
    """Tell whether a record must not be sent to Segment.

    It must not where it is marked as having come from Segment, whatever the policy says, or it would go round in a
    loop; nor where the policy does not allow it. The mark is the string ``segment``, in any case and with spaces
    around it, at one of **origin_fields**.

    :param event: The record.
    :param policy: A ``Policy``, a single rule, or anything with their method ``allows``. Left out, all is allowed.
    :param channel: The record's channel, for the policy; told from the record where left out.
    :param origin_fields: Dotted paths to look for the mark at, instead of ``ORIGIN_FIELDS``.
    :raises MissingFieldError: If there is a policy, and the record has no action.
    :raises InvalidFieldError: If there is a policy, and the record's action is no string; or if a container on the way
        to the mark raises while it is read.
    :raises TypeError: If an argument is of the wrong kind.
    :raises ValueError: If **channel** names none.

    >>> from cordial_segment import Block, Policy, is_blocked
    >>> is_blocked({"action": "browse", "properties": {"source": "Segment"}})
    True
    >>> is_blocked({"action": "open"}, Policy(email=Block("open")))
    True

    Source: the end of "Configure allowed and blocked events" in Cordial's article "Send data from Cordial to Segment".
    """
    record = as_record(event)
    if channel is not None:
        channel = as_channel(channel)
    if _is_marked(record, _DEFAULT_PLACES if origin_fields is ORIGIN_FIELDS else _places(origin_fields)):
        return True
    if policy is None:
        return False
    if not hasattr(policy, "allows"):
        raise TypeError(f"policy must have a method allows, which {shown(policy)} has not")
    action = read_action(record)
    return not policy.allows(action, channel or channel_of(record, action))


_Steps = tuple[tuple[str, Place], ...]  # each with its place in the record


def _is_marked(record: dict[Any, Any], places: list[tuple[_Steps, list[str]]]) -> bool:
    for steps, names in places:
        holder: Any = record
        for step, place in steps:
            holder = holder.get(step)
            if holder is None:
                break
            kind = type(holder)
            if kind is not dict:
                if not is_mapping(holder):
                    break
                holder = as_record(holder, step, place)
        else:
            for name in names:
                value = holder.get(name)
                if value is not None and is_a(value, str) and str.strip(value).lower() == "segment":
                    return True
    return False


def _places(fields: Iterable[str]) -> list[tuple[_Steps, list[str]]]:
    """Sort dotted paths by the mapping that they end in, so that each is looked up once."""
    if is_a(fields, str):
        raise TypeError(f"origin_fields must be several dotted paths, not the one string {shown(fields)}")
    places: dict[_Steps, list[str]] = {}
    for field in fields:
        if not is_a(field, str):
            raise TypeError(f"origin_fields must hold strings, not {shown(field)}")
        *steps, name = field.split(".")
        place: Place | None = None
        on_the_way: list[tuple[str, Place]] = []
        for step in steps:
            place = place, step
            on_the_way.append((step, place))
        places.setdefault(tuple(on_the_way), []).append(name)
    return list(places.items())


_DEFAULT_PLACES = _places(ORIGIN_FIELDS)
