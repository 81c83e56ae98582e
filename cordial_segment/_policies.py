"""Which events an account sends: the four modes of Cordial's settings, one for each channel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn

from ._errors import is_a, shown
from ._events import Channel, as_channel, canonical_action
from ._flattening import is_mapping

__all__ = ["Allow", "Block", "BlockAll", "Policy", "SendAll"]


class _Immutable:
    __slots__ = ("_parts",)

    _parts: Any

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} objects cannot be changed: make a new one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} objects cannot be changed: make a new one")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._parts == self._parts

    def __hash__(self) -> int:
        return hash((type(self), self._parts))


class _Rule(_Immutable):
    __slots__ = ()

    _parts: frozenset[str]

    def __init__(self, *actions: str) -> None:
        object.__setattr__(self, "_parts", frozenset(map(canonical_action, actions)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, sorted(self._parts)))})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(sorted(self._parts))

    # The channel is looked at by a Policy only; taking it lets one rule stand for a whole policy.
    def allows(self, action: str, channel: Channel | str | None = None) -> bool:
        """Tell whether an event of this **action** may be sent."""
        raise NotImplementedError


class Allow(_Rule):
    """Send only the events of these **actions**.

    :raises TypeError: If an action is no string.
    :raises ValueError: If one is empty.

    >>> from cordial_segment import Allow
    >>> Allow("open", "click").allows("bounce")
    False
    """

    __slots__ = ()

    def allows(self, action: str, channel: Channel | str | None = None) -> bool:
        """Tell whether **action** is one of these."""
        return canonical_action(action) in self._parts


class Block(_Rule):
    """Send all events but those of these **actions**.

    :raises TypeError: If an action is no string.
    :raises ValueError: If one is empty.

    >>> from cordial_segment import Block
    >>> Block("message-sent").allows("message_sent")
    False
    """

    __slots__ = ()

    def allows(self, action: str, channel: Channel | str | None = None) -> bool:
        """Tell whether **action** is none of these."""
        return canonical_action(action) not in self._parts


class SendAll(_Rule):
    """Send all events: the default, in Cordial too."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()

    def allows(self, action: str, channel: Channel | str | None = None) -> bool:
        """Tell that it may be sent."""
        canonical_action(action)
        return True


class BlockAll(_Rule):
    """Send no events."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()

    def allows(self, action: str, channel: Channel | str | None = None) -> bool:
        """Tell that it may not be sent."""
        canonical_action(action)
        return False


_SEND_ALL = SendAll()


class Policy(_Immutable):
    """One rule for each channel, and one for custom events; all events are sent where none is given.

    Like the rules it is immutable, compares by value, hashes and pickles, so that it travels to other processes.

    :raises TypeError: If a rule is none of ``SendAll``, ``Allow``, ``Block`` and ``BlockAll``.

    >>> from cordial_segment import Allow, BlockAll, Policy
    >>> policy = Policy(email=Allow("open", "click"), sms=BlockAll())
    >>> policy.allows("open", "email"), policy.allows("click", "sms"), policy.allows("browse", "custom")
    (True, False, True)
    >>> policy
    Policy(email=Allow('click', 'open'), sms=BlockAll())

    Source: "Configure allowed and blocked events" in Cordial's article "Send data from Cordial to Segment".
    """

    __slots__ = ()

    _parts: tuple[_Rule, ...]

    def __init__(
        self,
        *,
        email: SendAll | Allow | Block | BlockAll = _SEND_ALL,
        mobile: SendAll | Allow | Block | BlockAll = _SEND_ALL,
        sms: SendAll | Allow | Block | BlockAll = _SEND_ALL,
        rest: SendAll | Allow | Block | BlockAll = _SEND_ALL,
        custom: SendAll | Allow | Block | BlockAll = _SEND_ALL,
    ) -> None:
        rules = (email, mobile, sms, rest, custom)
        for channel, rule in zip(Channel, rules):
            if not is_a(rule, _Rule):
                raise TypeError(f"{channel} must be a rule such as BlockAll(), not {shown(rule)}")
        object.__setattr__(self, "_parts", rules)

    def allows(self, action: str, channel: Channel | str) -> bool:
        """Tell whether an event of this **action** on this **channel** may be sent.

        :raises TypeError: If **action** is no string, or **channel** neither a channel nor a string.
        :raises ValueError: If **action** is empty, or **channel** names none.
        """
        return self._parts[_POSITIONS[as_channel(channel)]].allows(action)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Policy:
        """Make a policy of **settings** as JSON or TOML has them.

        A mapping from channels, in any of their names, to ``"send_all"``, ``"block_all"``, ``{"allow": [actions]}`` or
        ``{"block": [actions]}``.

        :raises ValueError: If a channel, a mode or a shape is unknown; the message names it.
        :raises TypeError: If **settings** is no mapping.

        >>> Policy.from_dict({"email": {"allow": ["open"]}, "sms": "block_all"})
        Policy(email=Allow('open'), sms=BlockAll())
        """
        if not is_mapping(settings):
            raise TypeError(f"settings must be a mapping, not {shown(settings)}")
        rules: dict[str, Any] = {}
        for name, mode in settings.items():
            try:
                channel = Channel(name).value
            except TypeError as error:
                raise ValueError(str(error)) from None
            if channel in rules:
                raise ValueError(f"{shown(name)} gives a second rule for {channel}: keep one")
            rules[channel] = _rule(name, mode)
        return cls(**rules)

    def _given(self) -> dict[str, _Rule]:
        return {channel.value: rule for channel, rule in zip(Channel, self._parts) if rule != _SEND_ALL}

    def __repr__(self) -> str:
        return f"Policy({', '.join(f'{name}={rule!r}' for name, rule in self._given().items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), **self._given()), ()  # type: ignore[arg-type]


_POSITIONS = {channel: position for position, channel in enumerate(Channel)}
_MODES: dict[str, type[SendAll | BlockAll]] = {"send_all": SendAll, "block_all": BlockAll}
_LISTS: dict[str, type[Allow | Block]] = {"allow": Allow, "block": Block}


def _rule(name: str, mode: object) -> _Rule:
    if is_a(mode, str) and mode in _MODES:
        return _MODES[mode]()
    kinds: list[Any] = list(mode) if is_mapping(mode) else []
    if is_mapping(mode) and len(kinds) == 1 and (kind := next(iter(kinds))) in _LISTS:
        actions: Any = mode[kind]
        if type(actions) in (list, tuple, set, frozenset):
            try:
                return _LISTS[kind](*actions)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{name}.{kind}: {error}") from None
        raise ValueError(f"{name}.{kind}: expected a list of actions, not {shown(actions)}")
    given = f"{{{', '.join(map(shown, kinds))}}}" if kinds else shown(mode)
    raise ValueError(
        f"{name}: {given} is no mode: expected 'send_all', 'block_all', {{'allow': [...]}} or {{'block': [...]}}"
    )
