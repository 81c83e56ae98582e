"""Segment's limit for one event, 32 KB: whether a payload fits, and where a reader would begin to cut.

Source: Segment, "HTTP API Source". A lone surrogate counts as its escape of six bytes.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ._context import USUAL_CONTEXT
from ._errors import PayloadTooLargeError
from ._flattening import LEAST_ENTRY, MAX_DEPTH
from ._json import size
from ._records import SCALARS, Record, children, dotted, is_container, plain

MAX_BYTES = 32 * 1024

_FIELDS = ("type", "event", "integrations", "properties", "anonymousId", "userId", "messageId", "timestamp", "writeKey")
_FRAME = size({field: {} for field in _FIELDS} | {"type": "track", "context": USUAL_CONTEXT})
_ENTRY = len('"":"",') + 24  # the bytes of a property beside its texts, at most: a usual number has 24
_CHARACTER = len(r"\u0001")  # the bytes of a character, at most
_USUAL = 10**18
_NUMBERS = frozenset({int, float})
_FIXED_WIDTH = frozenset({bool, type(None), dict, list})  # the containers of a flat dict are empty


def survey(flat: Record) -> tuple[int, bool]:
    """Return the number of characters of the texts in **flat**, and whether its other values are usual.

    A usual value has a JSON form, of 24 bytes at most.
    """
    characters, usual = 0, True
    for value in flat.values():
        kind = type(value)
        if kind is str:
            characters += len(value)
        elif kind not in _FIXED_WIDTH and not (kind in _NUMBERS and -_USUAL < value < _USUAL):  # NaN is not between
            usual = False
    return characters, usual


def fits(payload: Any, outside: int, characters: int, usual: bool) -> bool:
    """Whether **payload** takes at most 32,768 bytes.

    Most are sure to, by the characters of their texts; most others by the bytes of their properties' texts.

    :param outside: The characters of the texts outside the properties, the context and integrations.
    :param characters: What ``survey`` found in the properties, as **usual**.
    """
    properties = payload["properties"]
    others = _FRAME + len(properties) * _ENTRY + outside * _CHARACTER
    if payload["integrations"] or payload["context"] != USUAL_CONTEXT:
        others += size(payload["context"]) + size(payload["integrations"])
    if usual and others + (len("".join(properties)) + characters) * _CHARACTER <= MAX_BYTES:
        return True
    texts = bytes_of_texts(properties)
    return (usual and others + texts <= MAX_BYTES) or measure(payload, texts) <= MAX_BYTES


def measure(payload: Any, texts: int) -> int:
    """Return the bytes of **payload**, given those of its properties' **texts**."""
    properties = payload["properties"]
    others = [value for value in properties.values() if type(value) is not str]
    quotes = (len(properties) - len(others)) * len('""')
    listed = size(others) - len("[]") - max(len(others) - 1, 0) * len(",")
    entries = len(properties) * len('"":,') - len(",")
    return size(payload | {"properties": {}}) + texts + quotes + listed + entries


def bytes_of_texts(properties: Record) -> int:
    """Return the bytes of all keys and texts, which are joined to be written at once, without their quotes."""
    texts = [value for value in properties.values() if type(value) is str]
    return size("".join([*properties, *texts])) - len('""')


class Place(NamedTuple):
    """A place: what its leaves take, each with its flat key, and the keys that lead to it."""

    size: int
    keys: list[str]


def place_to_cut(container: Any, separator: str, measure: Callable[[Any], int]) -> tuple[int, Place]:
    """Return what all leaves of a plain **container** take, and where a reader would begin to cut it.

    That is its heaviest child, the heaviest child of that, and so on, as long as it takes over half of the limit.

    :param measure: What a text takes with its quotes, or another leaf: ``size``, or ``count``.
    """
    _, total, place = _weigh(container, [], 0, measure(separator) - 2, measure, {})
    return total, place or Place(total, [])


def count(value: object) -> int:
    """Return the characters of a text with its quotes, or one for anything else: quicker than ``size``, never more."""
    return len(value) + 2 if isinstance(value, str) else 1


def _weigh(
    container: Any, keys: list[str], prefix: int, joint: int, measure: Callable[[Any], int], known: dict[int, Any]
) -> tuple[int, int, Place | None]:
    """Return how many leaves a plain **container** has, what they take less its **prefix**, and the place to cut.

    :param known: What was weighed, by its id: a structure may hold one container in many places.
    """
    leaves = total = 0
    most, place = MAX_BYTES // 2, None
    for key, value in children(container, keys):
        name, heavy = measure(key) - 2, None
        if type(value) in SCALARS or not is_container(value):
            number, taken = 1, name + LEAST_ENTRY - 1 + measure(value)
        elif not (inner := plain(value, [*keys, key])):
            number, taken = 1, name + LEAST_ENTRY + 1
        elif len(keys) + 1 == MAX_DEPTH:
            continue  # a record with what is deeper is refused for that, once this is cut
        else:
            name += joint
            if id(value) not in known:
                number, taken, heavy = _weigh(inner, [*keys, key], prefix + name, joint, measure, known)
                known[id(value)] = number, taken, value
            number, taken, _ = known[id(value)]
            taken += number * name
        leaves += number
        total += taken
        if taken + number * prefix > most:
            most = taken + number * prefix
            place = heavy or Place(most, [*keys, key])
    return leaves, total, place


def too_large(takes: str, places: Iterable[Place]) -> PayloadTooLargeError:
    """Make the error for a payload that **takes** so much, of which the heaviest of **places** is the one to cut."""
    heaviest = max(places, key=lambda place: (bool(place.keys), place.size))
    problem = f"the payload takes {takes} bytes, over the {MAX_BYTES:,} that Segment accepts"
    if not heaviest.keys:
        return PayloadTooLargeError(
            f"{problem}; no place takes over half of that: look at ids and contact, or send less"
        )
    return PayloadTooLargeError(f"{problem}; this place takes {heaviest.size:,}: cut here", path=dotted(heaviest.keys))
