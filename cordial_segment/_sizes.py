"""What has a JSON form, and what it takes of Segment's limit for one event. Source: Segment, "HTTP API Source"."""

import json
from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any

from ._arguments import as_record
from ._errors import InvalidFieldError, KeyCollisionError, NestingError, PayloadTooLargeError, shown
from ._flattening import MAX_DEPTH, leaves_of
from ._records import SCALARS, Container, Record, children, dotted, is_container, plain

MAX_BYTES = 32 * 1024
LONGEST_CHARACTER = len(r"\u0001")  # the bytes of a character, at most
FAR_TOO_MANY = LONGEST_CHARACTER * MAX_BYTES  # characters; what has more is only counted, which takes no memory
_NUMBERS = frozenset({int, float})
_FIXED_WIDTH = frozenset({bool, NoneType, dict, list})  # the containers of a flat dict are empty
_Place = tuple[int, list[str]]  # what its leaves take, each with its flat key; the keys that lead to it
_NOWHERE: _Place = (MAX_BYTES // 2, [])  # the weight to beat, and no place yet
_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def size(value: object) -> int:
    """Return the bytes of **value** in its most compact JSON form; a lone surrogate counts as its escape."""
    return len(_compact(value).encode("utf-8", "backslashreplace"))


def require_json(data: Container, *before: str) -> None:
    """Raise at the first leaf of **data** that has no JSON form; the keys **before** lead to **data**."""
    for keys, leaf in leaves_of(data, MAX_DEPTH):
        try:
            if type(leaf) not in _FIXED_WIDTH:
                size(leaf)
        except (TypeError, ValueError):
            right = "use a string, a finite number, a bool, null, a mapping or a list"
            raise InvalidFieldError(f"{shown(leaf)} has no JSON form: {right}", path=dotted([*before, *keys])) from None


def as_own_copy(value: Mapping[str, Any] | None, name: str) -> Any:
    """Return the mapping passed as the argument **name** in new dicts and lists; for ``None``, an empty one."""
    return {} if value is None else _copied(as_record(value, name), [name])


def _copied(value: Any, keys: list[str]) -> Any:
    """Copy **value**, which **keys** lead to, by the rules of a record for keys, depth and values."""
    if not is_container(value):
        require_json({keys[-1]: value}, *keys[:-1])
        return value
    if len(keys) > MAX_DEPTH:
        problem = f"containers are nested deeper than {MAX_DEPTH}, or one contains itself: nest it less"
        raise NestingError(problem, path=dotted(keys))
    container = plain(value, keys)
    if not isinstance(container, dict):
        return [_copied(child, [*keys, key]) for key, child in children(container, keys)]
    copy: dict[str, Any] = {}
    for key, child in children(container, keys):
        if key in copy:
            raise KeyCollisionError(key, (path := f"{dotted(keys)}.{key}", path))
        copy[key] = _copied(child, [*keys, key])
    return copy


def survey(flat: Record) -> tuple[int, list[Any]]:
    """Return the characters of keys and texts, and all other values but those that surely take at most 24 bytes."""
    characters, unusual = len("".join(flat)), []
    for value in flat.values():
        kind = type(value)
        if kind is str:
            characters += len(value)
        elif not (abs(value) < 1e23 if kind in _NUMBERS else kind in _FIXED_WIDTH):  # NaN is not less
            unusual.append(value)
    return characters, unusual


def fits(payload: Any, other_bytes: int, characters: int) -> bool:
    """Whether **payload** takes at most 32,768 bytes.

    Most are sure to, by the **characters** of their properties. Of others, the texts are written joined into one.

    :param other_bytes: The most that all but the properties takes, and their unusual values.
    """
    properties = payload["properties"]
    other_bytes += len(properties) * len('"":-1.7976931348623157e+308,')
    if other_bytes + characters * LONGEST_CHARACTER <= MAX_BYTES:
        return True
    if other_bytes + characters > MAX_BYTES:
        return size(payload) <= MAX_BYTES
    texts = "".join([*properties, *[value for value in properties.values() if type(value) is str]])
    return other_bytes + size(texts) <= MAX_BYTES or size(payload) <= MAX_BYTES


def too_large(payload: Any, *given: tuple[Record, str]) -> PayloadTooLargeError:
    """Make the error for what was **given**, each with the separator of its flat keys, and the **payload** made of it.

    Without a payload, characters are counted, and the last that was given, which is sent nested, only has a place.
    """
    measure = _bytes if payload else _characters
    weights = [_weigh(data, [], 0, measure(separator) - len('""'), measure, {}) for data, separator in given]
    takes = f"{size(payload):,}" if payload else f"over {sum(total for _, total, _ in weights[:-1]):,}"
    problem = f"the payload takes {takes} bytes, over the {MAX_BYTES:,} that Segment accepts"
    heaviest, keys = max(place for *_, place in weights)
    nowhere = "no place takes over half of it: look at ids and contact, or send less"
    advice = f"this place takes {heaviest:,}: cut here" if keys else nowhere
    return PayloadTooLargeError(f"{problem}; {advice}", path=dotted(keys))


def _bytes(leaf: object) -> int:
    """Return what a **leaf** takes: of a number, ``True`` or ``None``, as much as Python writes."""
    if type(leaf) is str and leaf.isalnum() and leaf.isascii():
        return len(leaf) + len('""')
    return size(leaf) if type(leaf) is str or type(leaf) not in SCALARS else len(repr(leaf))


def _characters(leaf: object) -> int:
    """Return what a **leaf** takes at least: much quicker than its bytes, and without its escapes."""
    return len(leaf) + len('""') if isinstance(leaf, str) else 1


def _weigh(
    container: Any, keys: list[str], prefix: int, joint: int, measure: Callable[[Any], int], known: dict[int, Any]
) -> tuple[int, int, _Place]:
    """Return how many leaves a plain **container** has, what they take, and where a reader would begin to cut.

    That is the heaviest child, the heaviest child of that, and so on, as long as it takes over half of the limit.

    :param prefix: What stands before its keys in flat keys. What its leaves take is returned without it.
    :param joint: What a separator takes.
    :param known: What was weighed, by its id: a structure may hold one container in many places.
    """
    leaves, total, most, place = 0, 0, _NOWHERE[0], _NOWHERE
    for key, value in children(container, keys):
        name, number, below, at = measure(key) - len('""'), 1, _NOWHERE, [*keys, key]
        child = plain(value, at) if is_container(value) else None
        if not child or len(at) == MAX_DEPTH:  # nothing deeper is ever sent
            taken = name + len('"":,') + measure(value if child is None else child)
        else:
            name += joint
            if id(value) not in known:  # the value is kept too, so that no other gets its id
                known[id(value)] = *_weigh(child, at, prefix + name, joint, measure, known), value
            number, taken, below, _ = known[id(value)]
            taken += number * name
        leaves += number
        total += taken
        if (weight := taken + number * prefix) > most:
            most, place = weight, below if below[1] else (weight, at)
    return leaves, total, place
