"""Segment's names for Cordial's actions.

To add one, follow ``docs/contributing.md``, which lists all that changes with it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from ._arguments import as_action
from ._channels import CUSTOM, EMAIL, MOBILE, REST, SMS, Channel, as_channel, channel_by_action

NAMES: dict[Channel, dict[str, str]] = {
    EMAIL: {
        "open": "Email Opened",
        "click": "Email Link Clicked",
        "optout": "Unsubscribed",
        "bounce": "Email Bounced",
    },
    MOBILE: {
        "crdl_app_install": "Application Installed",
        "crdl_app_open": "Application Opened",
        "crdl_notification_tap": "Push Notification Tapped",
        "crdl_deep_link_open": "Deep Link Opened",
        "crdl_notification_delivered_in_foreground": "Push Notification Received",
    },
    SMS: {"message_sent": "message_sent", "click": "click"},
    REST: {"message_sent": "message_sent"},
    CUSTOM: {},
}

EVENT_NAMES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {channel: MappingProxyType(names) for channel, names in NAMES.items()}
)
"""Segment's event name for each of Cordial's actions, by channel. An action without a row keeps its own name.

Read-only. Sources: Cordial, "Send data from Cordial to Segment"; Segment, "Spec: Email Events" and "Spec: Mobile".

>>> from cordial_segment import EVENT_NAMES
>>> EVENT_NAMES["email"]["open"]
'Email Opened'
"""


def map_event(action: str, channel: Channel | str | None = None) -> str:
    """Return Segment's name for a Cordial action: its row in ``EVENT_NAMES``, or the action itself if it has none.

    :param action: Cordial's name for the event; ``message-sent`` counts as ``message_sent``.
    :param channel: The channel it happened on. Without it, the action decides; ``click`` and ``optout`` count as
        email, and an action that Cordial does not define counts as custom.

    >>> from cordial_segment import map_event
    >>> map_event("click"), map_event("click", "sms"), map_event("browse")
    ('Email Link Clicked', 'click', 'browse')

    Source: the tables of Cordial's article "Send data from Cordial to Segment", in the Title Case of Segment's spec.
    """
    action = as_action(action)
    return NAMES[channel_by_action(action) if channel is None else as_channel(channel)].get(action, action)
