"""enrich_email_fields: what the calls in vectors/ cannot say."""

from types import MappingProxyType

from cordial_segment import build_track_payload, enrich_email_fields


def test_enriched_record_shares_what_is_deeper():
    """Only a section that loses its link is new, so that nothing of the record changes."""
    record = {"a": {"b": [1]}, "sp": {"link": "", "x": []}, "system_properties": MappingProxyType({"rl": "r"})}
    record["loop"] = record
    enriched = enrich_email_fields(record)
    assert all(enriched[key] is record[key] for key in ("a", "system_properties", "loop"))
    assert enriched["sp"]["x"] is record["sp"]["x"]
    enriched["new"] = enriched["sp"]["new"] = 1
    assert list(record) == ["a", "sp", "system_properties", "loop"]
    assert record["sp"] == {"link": "", "x": []}


def test_email_fields_of_a_large_record():
    """Neither its size nor the depth of its data changes what is added."""
    deep = {"action": "open", "cID": "c1", "bmID": "b", "d": [["x" * 10_000]], "e": {"f": "é" * 5_000}}
    many = {"action": "open", "cID": "c1", "bmID": "b", **{f"k{number}": number for number in range(2_000)}}
    for record in (deep, many):
        assert enrich_email_fields(record) == record | {"campaign_id": "b"}
        assert build_track_payload(record)["properties"]["campaign_id"] == "b"
