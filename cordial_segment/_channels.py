"""The channel of a record: a name that it carries, the type of a text message, or what its action implies."""

import re
from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Any

from ._arguments import as_record
from ._errors import shown
from ._records import Record, is_blank, read_action, read_mapping


class Channel(StrEnum):
    """A channel that Cordial sends events from. Instead of a member, pass its string or one of Cordial's own names.

    These are ``push`` for mobile; ``mms``, ``sms/mms`` and ``rcs`` for SMS; ``rest-api`` for REST. Case is ignored.

    >>> from cordial_segment import Channel
    >>> Channel("Push"), Channel.SMS == "sms"
    (Channel.MOBILE, True)
    """

    EMAIL = "email"
    MOBILE = "mobile"
    SMS = "sms"
    REST = "rest"
    CUSTOM = "custom"

    __repr__ = Enum.__str__

    @classmethod
    def _missing_(cls, value: object) -> "Channel":
        return as_channel(value)


EMAIL, MOBILE, SMS, REST, CUSTOM = Channel  # looked up on their class, they are slow before Python 3.12
_NAMES = {c.value: c for c in Channel} | {"push": MOBILE, "mms": SMS, "sms/mms": SMS, "rcs": SMS, "rest-api": REST}

# A name's first word is a good guess for these, not for the others: rest_of_world_email is no REST channel.
_FIRST_WORDS = {word: _NAMES[word] for word in ("email", "push", "mobile", "sms", "mms", "rcs")}

# Cordial's system events, but message_sent, which happens on all channels. click and optout are email's if in doubt.
_ACTIONS: dict[Channel, str] = {
    EMAIL: "open click optout bounce complaint message-stopped",
    MOBILE: """crdl_app_install crdl_app_open crdl_app_close crdl_deep_link_open crdl_inbox_read crdl_notification_tap
        crdl_push_enabled_change crdl_notification_delivered_in_foreground crdl_notification_delivered_in_background
        crdl_in_app_message_shown crdl_in_app_message_manual_dismiss crdl_in_app_message_auto_dismiss
        crdl_in-app-dismissed crdl_device_notifications_optout crdl_device_notifications_uninstalled
        crdl_device_notifications_manual_optin crdl_device_notifications_manual_optout""",
    SMS: """crdl_incoming_sms crdl_sms_delivered crdl_sms_failed crdl_sms_doi_optin crdl_sms_doi_confirm
        crdl_phone_deactivation crdl_rcs_open crdl_rcs_fallback""",
}
_BY_ACTION = {action: channel for channel, actions in _ACTIONS.items() for action in actions.split()}


def channel_of(event: Mapping[str, Any]) -> Channel:
    """Return the channel of a record: the first of these that names one, otherwise custom.

    1. ``chnl-type``, ``chnl`` or ``channel``. Case is ignored. A name is known whole, or by its first
       word ``email``, ``push``, ``mobile``, ``sms``, ``mms`` or ``rcs``: ``sms_plivo``, ``push-ios``, ``Email promo``.
    2. ``sendType`` in ``system_properties`` or ``sp``, if it names a text channel.
    3. The action. If the record names an unknown channel, ``click`` and ``optout`` do not count as email, since other
       channels have them too; with an unknown ``chnl-type``, no action counts as email.

    :raises InvalidFieldError: If the action decides, and is not a string.

    >>> from cordial_segment import channel_of
    >>> channel_of({"action": "click", "chnl": "sms_plivo"}), channel_of({"action": "click"})
    (Channel.SMS, Channel.EMAIL)

    Source: Cordial's list of system events; "The channel" on the page of rules.
    """
    return channel_in(as_record(event, "event"))


def channel_in(record: Record, action: str = "") -> Channel:
    """Do what :func:`channel_of` does, for a dict whose canonical **action** may have been read already."""
    unknown = ""
    for field in ("chnl-type", "chnl", "channel"):
        name = record.get(field)
        if isinstance(name, str):
            if found := known_channel(name):
                return found
            unknown = unknown or ("" if is_blank(name) else field)
    for field in ("system_properties", "sp"):
        if field in record:
            send_type = read_mapping(record, field).get("sendType")
            if isinstance(send_type, str) and known_channel(send_type) is SMS:
                return SMS
    action = action or read_action(record)
    channel = channel_by_action(action)
    doubtful = unknown == "chnl-type" or (unknown and action in ("click", "optout"))
    return CUSTOM if doubtful and channel is EMAIL else channel


def channel_by_action(action: str) -> Channel:
    """Return the channel that **action** alone implies, or custom."""
    if action.startswith("crdl_") and action.endswith("_send_failure"):
        return known_channel(action[len("crdl_") : -len("_send_failure")]) or CUSTOM
    return _BY_ACTION.get(action, CUSTOM)


def as_channel(channel: object) -> Channel:
    """Return the **channel** of that name, or raise."""
    if not isinstance(channel, str):
        raise TypeError(f"channel must be a Channel or its string, not {shown(channel)}")
    if (name := channel.lower()) not in _NAMES:
        raise ValueError(f"{shown(channel)} is not a channel: use one of {', '.join(_NAMES)}, in upper or lower case")
    return _NAMES[name]


def known_channel(name: str) -> Channel | None:
    """Return the channel that an account's own **name** for it begins with, if any."""
    name = name[:64].lower()  # in lower case, a text takes up to twelve times its memory
    return _NAMES.get(name) or _FIRST_WORDS.get(re.sub(r"(?s)[\W_].*", "", name))
