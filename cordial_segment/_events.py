"""Cordial's channels and actions, and the names that Segment has for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from ._errors import is_a, shown

__all__ = ["EVENT_NAMES", "Channel", "as_channel", "canonical_action", "channel_of", "event_name", "map_event"]

K = TypeVar("K")
V = TypeVar("V")


class Channel(StrEnum):
    """A channel that Cordial sends events from, and rules are made for.

    Wherever a channel is taken, its string will do, and so will Cordial's own names for it, in any case: ``push`` for
    mobile; ``mms``, ``sms/mms`` and ``rcs`` for SMS; ``rest-api`` for REST.

    :raises ValueError: If a string names no channel.

    >>> from cordial_segment import Channel
    >>> Channel("Push")
    Channel.MOBILE
    >>> Channel.SMS == "sms"
    True
    """

    EMAIL = "email"
    MOBILE = "mobile"
    SMS = "sms"
    REST = "rest"
    CUSTOM = "custom"

    def __repr__(self) -> str:
        return f"Channel.{self.name}"

    @classmethod
    def _missing_(cls, value: object) -> Channel:
        if not is_a(value, str):
            raise TypeError(f"channel must be a Channel or its string, not {shown(value)}")
        if found := _CHANNELS.get(value.lower()):
            return found
        raise ValueError(f"{shown(value)} is no channel: expected one of {', '.join(_CHANNELS)} (in any case)")


_CHANNELS: dict[str, Channel] = {
    **{channel.value: channel for channel in Channel},
    "push": Channel.MOBILE,
    "mms": Channel.SMS,
    "sms/mms": Channel.SMS,
    "rcs": Channel.SMS,
    "rest-api": Channel.REST,
}


class _Table(Mapping[K, V]):
    """A read-only mapping; unlike ``MappingProxyType`` it can be pickled and copied."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Mapping[K, V]) -> None:
        self._rows = dict(rows)

    def __getitem__(self, key: K) -> V:
        return self._rows[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return repr(self._rows)


# Plain dicts: a look-up costs a fifth of one through the read-only view that callers get.
_NAMES: dict[Channel, dict[str, str]] = {
    Channel.EMAIL: {
        "open": "Email Opened",
        "click": "Email Link Clicked",
        "optout": "Unsubscribed",
        "bounce": "Email Bounced",
    },
    Channel.MOBILE: {
        "crdl_app_install": "Application Installed",
        "crdl_app_open": "Application Opened",
        "crdl_notification_tap": "Push Notification Tapped",
        "crdl_deep_link_open": "Deep Link Opened",
        "crdl_notification_delivered_in_foreground": "Push Notification Received",
    },
    Channel.SMS: {"message_sent": "message_sent", "click": "click"},
    Channel.REST: {"message_sent": "message_sent"},
    Channel.CUSTOM: {},
}

EVENT_NAMES: Mapping[Channel, Mapping[str, str]] = _Table({channel: _Table(names) for channel, names in _NAMES.items()})
"""Segment's event name for each of Cordial's actions, by channel; an action with no row keeps its own name.

Read-only. Sources: Cordial, "Send data from Cordial to Segment"; Segment, "Spec: Email Events", "Spec: Mobile".

>>> from cordial_segment import EVENT_NAMES, Channel
>>> EVENT_NAMES[Channel.EMAIL]["open"]
'Email Opened'
"""

# Cordial's system events that the tables leave unnamed: they keep their names, and the rules of their channel hold.
_UNNAMED_ACTIONS = {
    Channel.EMAIL: ("complaint", "message-stopped"),
    Channel.MOBILE: (
        "crdl_app_close",
        "crdl_device_notifications_manual_optin",
        "crdl_device_notifications_manual_optout",
        "crdl_device_notifications_optout",
        "crdl_device_notifications_uninstalled",
        "crdl_in_app_message_auto_dismiss",
        "crdl_in_app_message_shown",
        "crdl_in_app_message_manual_dismiss",
        "crdl_inbox_read",
        "crdl_in-app-dismissed",
        "crdl_push_enabled_change",
        "crdl_notification_delivered_in_background",
    ),
    Channel.SMS: (
        "crdl_phone_deactivation",
        "crdl_sms_delivered",
        "crdl_sms_doi_optin",
        "crdl_sms_doi_confirm",
        "crdl_sms_failed",
        "crdl_incoming_sms",
        "crdl_rcs_fallback",
        "crdl_rcs_open",
    ),
}

# `click` is in the SMS table too and counts as email. A sent event may be of any channel, so it tells none.
_CHANNEL_BY_ACTION: dict[str, Channel] = {
    **{action: channel for channel in (Channel.EMAIL, Channel.MOBILE) for action in _NAMES[channel]},
    **{action: channel for channel, actions in _UNNAMED_ACTIONS.items() for action in actions},
}


def as_channel(channel: Channel | str) -> Channel:
    """Give the channel of that name; ``TypeError`` for what is no string, before it is compared with anything."""
    if not is_a(channel, str):
        raise TypeError(f"channel must be a Channel or its string, not {shown(channel)}")
    return channel if type(channel) is Channel else Channel(channel)


def canonical_action(action: object) -> str:
    """Check **action** and give its one spelling: Cordial stores sent events as ``message-sent`` too."""
    if not is_a(action, str):
        raise TypeError(f"action must be a string, not {shown(action)}")
    if not action:
        raise ValueError("action must not be empty")
    return "message_sent" if action == "message-sent" else action


def channel_of(record: Mapping[Any, Any], action: str) -> Channel:
    """Find the channel of a record: as it says itself, else as its canonical **action** tells, else custom."""
    for name in (record.get("chnl-type"), record.get("chnl"), record.get("channel")):
        if name is not None and is_a(name, str) and (found := _CHANNELS.get(str.lower(name))):
            return found
    return _CHANNEL_BY_ACTION.get(action, Channel.CUSTOM)


def event_name(action: str, channel: Channel) -> str:
    """Look up a canonical **action**, without the checks of :func:`map_event`."""
    return _NAMES[channel].get(action, action)


def map_event(action: str, channel: Channel | str | None = None) -> str:
    """Give Segment's name for a Cordial action: its row in ``EVENT_NAMES``, else the action itself.

    ``message-sent`` counts as ``message_sent``.

    :param action: Cordial's name of the event.
    :param channel: The channel it happened on. Left out, it is told from the action; ``click`` and ``optout`` count as
        email, and an action that Cordial does not define itself as custom.
    :raises TypeError: If **action** is no string, or **channel** neither a channel nor a string.
    :raises ValueError: If **action** is empty, or **channel** names none.

    >>> from cordial_segment import map_event
    >>> map_event("click")
    'Email Link Clicked'
    >>> map_event("click", "sms")
    'click'
    >>> map_event("browse")
    'browse'

    Source: the tables of Cordial's article "Send data from Cordial to Segment", in the Title Case of Segment's spec.
    """
    action = canonical_action(action)
    return event_name(action, channel_of({}, action) if channel is None else as_channel(channel))
