"""What a caller gives as ``context`` and ``integrations``, in dicts that transports may write into."""

from collections.abc import Mapping
from typing import Any

from ._arguments import as_record
from ._errors import KeyCollisionError, NestingError
from ._flattening import MAX_DEPTH
from ._records import children, dotted, is_container, plain
from ._sizes import require_json

# As in the example of Cordial's article. This library sends nothing, so it does not sign as the sender.
USUAL_CONTEXT: dict[str, Any] = {"library": {"name": "unknown", "version": "unknown"}, "source": "cordial"}


def as_own_copy(value: Mapping[str, Any] | None, name: str) -> dict[str, Any]:
    """Return the mapping passed as the argument **name** in new dicts and lists; for ``None``, an empty one."""
    copy: dict[str, Any] = {} if value is None else _copied(as_record(value, name), [name])
    return copy


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
            path = f"{dotted(keys)}.{key}"
            raise KeyCollisionError(key, (path, path))
        copy[key] = _copied(child, [*keys, key])
    return copy
