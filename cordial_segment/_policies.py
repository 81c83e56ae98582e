"""Which events an account sends: one rule for each channel, in the four modes of Cordial's own settings."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Protocol

from ._arguments import as_action
from ._channels import Channel, as_channel
from ._errors import cut, shown, type_name
from ._records import canonical


class Rule(Protocol):
    """A rule for one channel: any object with this method. It needs no base class."""

    def allows(self, action: str, /) -> bool:
        """Whether an event with this **action** may be sent."""
        ...


class _Value:
    def __setattr__(self, name: str, *_: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} objects cannot be changed: make a new one")

    __delattr__ = __setattr__

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))


class _Actions(_Value):
    _held: frozenset[str]

    def __init__(self, *actions: str) -> None:
        self.__dict__["_held"] = frozenset(map(as_action, actions))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, sorted(self._held)))})"


class Allow(_Actions):
    """Send only events with these **actions**."""

    def allows(self, action: str) -> bool:
        """Whether **action** is one of these."""
        return as_action(action) in self._held


class Block(_Actions):
    """Send all events except those with these **actions**."""

    def allows(self, action: str) -> bool:
        """Whether **action** is not one of these."""
        return as_action(action) not in self._held


class SendAll(Block):
    """Send all events: the default, as in Cordial."""

    def __init__(self) -> None:
        super().__init__()


class BlockAll(Allow):
    """Send no events."""

    def __init__(self) -> None:
        super().__init__()


_ALL = SendAll()


class Policy(_Value):
    """One rule for each channel, and one for custom events. A channel without a rule sends all events.

    :raises TypeError: If a rule has no method ``allows``, or is a class or a policy.

    >>> from cordial_segment import Allow, BlockAll, Policy
    >>> policy = Policy(email=Allow("open", "click"), sms=BlockAll())
    >>> policy.allows("open", "email"), policy.allows("click", "sms"), policy.allows("browse", "custom")
    (True, False, True)

    Source: "Configure allowed and blocked events" in Cordial's article "Send data from Cordial to Segment".
    """

    def __init__(
        self, *, email: Rule = _ALL, mobile: Rule = _ALL, sms: Rule = _ALL, rest: Rule = _ALL, custom: Rule = _ALL
    ) -> None:
        for channel, rule in zip(Channel, (email, mobile, sms, rest, custom)):
            require_rule(rule, channel)
            self.__dict__[channel.value] = rule

    def allows(self, action: str, channel: Channel | str) -> bool:
        """Whether an event with this **action** on this **channel** may be sent."""
        rule: Rule = self.__dict__[as_channel(channel)]
        return rule.allows(canonical(action))

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "Policy":
        """Make a policy from **settings** as read from JSON or TOML; anything unknown in them is a ``ValueError``.

        They map channels to ``"send_all"``, ``"block_all"``, ``{"allow": [actions]}`` or ``{"block": [actions]}``.

        >>> Policy.from_dict({"email": {"allow": ["open"]}, "sms": "block_all"})
        Policy(email=Allow('open'), sms=BlockAll())
        """
        if not isinstance(settings, Mapping):
            raise TypeError(f"settings must be a mapping, not {shown(settings)}")
        rules: dict[str, Rule] = {}
        for name, mode in settings.items():
            channel = Channel(name if isinstance(name, str) else repr(name)).value
            if channel in rules:
                raise ValueError(f"{shown(name)} is a second rule for {channel}: keep one")
            rules[channel] = _rule(channel, mode)
        return cls(**rules)

    def __repr__(self) -> str:
        given = (f"{channel}={rule!r}" for channel, rule in self.__dict__.items() if rule != _ALL)
        return f"Policy({', '.join(given)})"


_MODES: Mapping[object, Callable[[], Rule]] = {"send_all": SendAll, "block_all": BlockAll}
_LISTS: Mapping[object, Callable[..., Allow | Block]] = {"allow": Allow, "block": Block}


def _rule(channel: str, mode: object) -> Rule:
    if isinstance(mode, str) and mode in _MODES:
        return _MODES[mode]()
    if isinstance(mode, Mapping) and len(mode) == 1:
        ((mode, actions),) = mode.items()
        if mode in _LISTS:
            if not isinstance(actions, (list, tuple, set, frozenset)):
                raise ValueError(f"{channel}.{mode}: {shown(actions)} is not a list of actions")
            try:
                return _LISTS[mode](*actions)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{channel}.{mode}: {error}") from None
    modes = "'send_all', 'block_all', {'allow': [...]} or {'block': [...]}"
    raise ValueError(f"{channel}: {shown(mode)} is not a mode: expected one of {modes}")


def require_rule(rule: object, name: str) -> None:
    """Raise unless the argument **name** is a rule."""
    if isinstance(rule, (type, Policy)) or not hasattr(rule, "allows"):
        raise TypeError(f"{name} must be a rule such as BlockAll() or Allow('open'), not {type_name(rule)}")


def require_policy(policy: object) -> None:
    """Raise unless **policy** is a ``Policy``, or another object with ``allows(action, channel)``."""
    if isinstance(policy, (type, _Actions)) or not hasattr(policy, "allows"):
        right = f"Policy(email={cut(repr(policy))})" if isinstance(policy, _Actions) else "Policy.from_dict(...)"
        raise TypeError(f"policy must be a Policy, not {type_name(policy)}: use {right}")
