"""Segment's limit for one event, 32 KB: whether a payload fits, and where a reader would begin to cut.

Source: Segment, "HTTP API Source". A lone surrogate counts as its escape of six bytes.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any, NamedTuple, cast

from ._context import USUAL_CONTEXT
from ._errors import PayloadTooLargeError
from ._flattening import MAX_DEPTH
from ._json import require_json, size
from ._records import SCALARS, Record, children, dotted, is_container, plain

MAX_BYTES = 32 * 1024

_FIELDS = ("type", "event", "integrations", "properties", "anonymousId", "userId", "messageId", "timestamp", "writeKey")
_FRAME = size({field: {} for field in _FIELDS} | {"type": "track", "context": USUAL_CONTEXT})
_ENTRY = len('"":"",') + 24  # the bytes of a property beside its texts, at most: a usual number has 24
_CHARACTER = len(r"\u0001")  # the bytes of a character, at most
_USUAL = 10**18
_SHORT = 100  # characters
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
    """A place, by the bytes of its leaves, each with its flat key, and the keys that lead to it."""

    size: int
    keys: list[str]


def place_to_cut(container: Any, separator: str) -> tuple[int, Place]:
    """Return the bytes of all leaves of a plain **container**, and where a reader would begin to cut it.

    That is its heaviest child, the heaviest child of that, and so on, as long as it takes over half of the limit.
    """
    _, total, place = _weigh(container, [], 0, size(separator) - len('""'), {})
    return total, place or Place(total, [])


# The leaves of containers and their bytes, by the container's id: a structure may hold one in many places.
_Known = dict[int, tuple[Any, int, int]]


def _weigh(container: Any, keys: list[str], prefix: int, joint: int, known: _Known) -> tuple[int, int, Place | None]:
    """Return how many leaves a plain **container** has, their bytes but for the prefix, and the place to cut.

    :param keys: They lead to the container.
    :param prefix: The bytes that its flat keys have before its own keys.
    :param joint: The bytes of a separator.
    """
    leaves = total = 0
    most, place = MAX_BYTES // 2, cast("Place | None", None)
    rest = children(container, keys)
    while chunk := dict(islice(rest, 1_000)):  # not all at once, which would take far more memory than the container
        for key, value in [*chunk.items()]:
            if type(value) in SCALARS or not is_container(value):
                continue
            below = [*keys, key]
            chunk[key] = inner = plain(value, below)
            if not inner:
                continue
            del chunk[key]
            if len(below) == MAX_DEPTH:
                continue  # a record with what is deeper is refused for that, once this is cut
            name = size(key) - len('""') + joint
            heavy: Place | None = None
            if id(value) not in known:
                count, taken, heavy = _weigh(inner, below, prefix + name, joint, known)
                known[id(value)] = value, count, taken
            _, count, taken = known[id(value)]
            leaves += count
            total += taken + count * name
            if (weight := taken + count * (prefix + name)) > most:
                most, place = weight, heavy or Place(weight, below)
        if chunk:
            try:
                taken = size(chunk) - len("{")  # each has a comma
            except (TypeError, ValueError):
                require_json(chunk, *keys)
                raise
            leaves += len(chunk)
            total += taken
            if taken + len(chunk) * prefix > most and (leaf := _heaviest_leaf(chunk, keys, prefix)).size > most:
                most, place = leaf.size, leaf
    return leaves, total, place


def _heaviest_leaf(leaves: Record, keys: list[str], prefix: int) -> Place:
    """Return the heaviest of the **leaves** that take over half of the limit; of many short ones, the first."""
    heaviest = Place(MAX_BYTES // 2, keys)
    for key, leaf in leaves.items():
        characters = len(key) + (len(leaf) if type(leaf) is str else 0)
        if characters <= _SHORT and heaviest.keys is not keys:
            continue
        if prefix + characters * _CHARACTER + _ENTRY > heaviest.size:  # otherwise it need not be written out
            weight = prefix + size({key: leaf}) - len("{")
            if weight > heaviest.size:
                heaviest = Place(weight, [*keys, key])
    return heaviest


def too_large(takes: str, places: Iterable[Place]) -> PayloadTooLargeError:
    """Make the error for a payload that **takes** so much, of which the heaviest of **places** is the one to cut."""
    heaviest = max(places, key=lambda place: (bool(place.keys), place.size))
    problem = f"the payload takes {takes} bytes, over the {MAX_BYTES:,} that Segment accepts"
    if not heaviest.keys:
        return PayloadTooLargeError(
            f"{problem}; no place takes over half of that: look at ids and contact, or send less"
        )
    return PayloadTooLargeError(f"{problem}; this place takes {heaviest.size:,}: cut here", path=dotted(heaviest.keys))
