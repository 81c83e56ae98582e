"""The examples of the page, with the answers to them: so the page is of use before Python is there, or without it."""

import json
from pathlib import Path
from typing import Any

from translate import answer

CID = "5c673e6b10986b7e3cd505d1"
CART = {"action": "cart", "cID": CID, "time": "2021-10-22T16:11:48+0000"}
MESSAGE = {"name": "Fall Sale", "subject": "Fall Sale 10% Off"}
CONTACT = {"_id": CID, "channels": {"email": {"address": "ada@example.com"}}}


def indented(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=2).replace("Infinity", "1e999")  # JSON, which Python reads as an infinity


def cart(**properties: Any) -> dict[str, Any]:
    return {"record": indented({**CART, "properties": properties})}


# What ends in .json is a file of the documentation's examples.
EXAMPLES: dict[str, dict[str, dict[str, Any]]] = {
    "The documented example": {
        "click, with its message": {"record": "click.json", "message": indented(MESSAGE)},
    },
    "Email": {
        "open → Email Opened": {"record": "email-open.json"},
        "click → Email Link Clicked": {"record": "email-click.json"},
        "optout → Unsubscribed": {"record": "email-optout.json"},
        "bounce → Email Bounced": {"record": "email-bounce.json"},
    },
    "Mobile": {
        "crdl_app_install → Application Installed": {"record": "mobile-app-install.json"},
        "crdl_app_open → Application Opened": {"record": "mobile-app-open.json"},
        "crdl_notification_tap → Push Notification Tapped": {"record": "mobile-notification-tap.json"},
        "crdl_deep_link_open → Deep Link Opened": {"record": "mobile-deep-link-open.json"},
        "crdl_notification_delivered_in_foreground → Push Notification Received": {
            "record": "mobile-notification-delivered-in-foreground.json"
        },
    },
    "SMS/MMS": {
        "message_sent → message_sent": {"record": "sms-message-sent.json"},
        "click → click": {"record": "sms-click.json"},
    },
    "REST": {"message_sent → message_sent": {"record": "rest-message-sent.json"}},
    "Custom": {"browse → browse": {"record": "custom-browse.json"}, "cart → cart": {"record": "custom-cart.json"}},
    "Webhooks and exports": {
        "One envelope: a record and its contact": {
            "record": indented({"contact": CONTACT, "event": {"action": "browse", "properties": {"page": "Home"}}})
        },
        "Several records: JSON Lines": {
            "record": """\
{"_id": "e1", "a": "open", "cID": "c1", "chnl-type": "email", "bmID": "45:61:ot", "time": "2021-10-22T16:11:48+0000"}
{"_id": "e2", "a": "click", "cID": "c2", "chnl": "sms_plivo", "time": "2021-10-22 16:12:02 UTC"}
{"_id": "e3", "a": "cart", "cID": "c3", "time": "2021-10-22T16:13:10Z", "properties": {"source": "segment"}}
{"_id": "e4", "a": "browse", "cID": "c4", "time": "22/10/2021 16:14"}"""
        },
    },
    "Blocked records": {
        "Blocked: it came from Segment": cart(source="segment"),
        "Blocked: a robot opened it": {
            "record": indented({"action": "open", "cID": CID, "d": {"robot": True, "bot_score": 97}}),
            "robots": True,
        },
        "Blocked: by a policy": {"record": "sms-click.json", "policy": "policy.json"},
    },
    "Errors": {
        "Error: a time that cannot be read": {"record": indented({**CART, "time": "22/10/2021 16:11"})},
        "Error: a number without a JSON form": cart(items=[{"sku": "A-1", "price": float("inf")}]),
        "Error: too large": cart(items=[{"sku": f"A-{number}", "price": 49.5} for number in range(900)]),
        "Collision: two places, one property": cart(item={"price": 49.5}, color="red", item_price="49.50"),
    },
}


def build(folder: Path) -> str:
    """Return the examples as JSON: each with what is in its files, which are in **folder**, and with its answers."""

    def complete(example: dict[str, Any]) -> dict[str, Any]:
        texts = {
            name: (folder / source).read_text(encoding="utf-8").rstrip() if str(source).endswith(".json") else source
            for name, source in example.items()
        }
        others = {name: text for name, text in texts.items() if name != "record"}
        record = texts["record"]
        items = record.splitlines() if record.startswith('{"_id"') else [record]
        return {**texts, "answers": answer(items, **others)}

    return json.dumps(
        {group: {title: complete(example) for title, example in titles.items()} for group, titles in EXAMPLES.items()}
    )
