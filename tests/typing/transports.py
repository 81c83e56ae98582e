"""A payload in the hands of the clients that send it; checked where they are installed, never run."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import httpx  # type: ignore[import-not-found,unused-ignore]

from cordial_segment import build_track_payload

payload = build_track_payload({"action": "open", "cID": "c1"}, write_key="key")

httpx.post("https://api.example.com/v1/track", json=payload)
httpx.post("https://api.example.com/v1/batch", json={"batch": [payload], "writeKey": "key"})
