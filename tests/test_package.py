"""The package as a whole: what is public, how modules depend on each other, and what it needs."""

import ast
import sys
from pathlib import Path

import cordial_segment

PACKAGE = Path(cordial_segment.__file__).parent
MODULES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.glob("*.py"))}

PUBLIC = [
    # Functions
    *("batch_payloads", "build_track_payload", "channel_of", "enrich_email_fields"),
    *("flatten", "is_blocked", "map_event", "open_envelope"),
    # Values and types
    *("EVENT_NAMES", "ORIGIN_FIELDS", "Channel", "TrackPayload"),
    *("Policy", "Rule", "SendAll", "Allow", "Block", "BlockAll"),
    # Errors
    *("TranslationError", "MissingFieldError", "InvalidFieldError"),
    *("KeyCollisionError", "NestingError", "PayloadTooLargeError"),
]


def test_public_names():
    """These are public and nothing else looks so. Each function and class has a docstring of its own."""
    assert sorted(cordial_segment.__all__) == sorted(PUBLIC)
    assert {name for name in vars(cordial_segment) if not name.startswith("_")} == set(PUBLIC)
    values = [getattr(cordial_segment, name) for name in PUBLIC if name not in ("EVENT_NAMES", "ORIGIN_FIELDS")]
    assert len({value.__doc__ for value in values} - {None, ""}) == len(values)
    # What is pickled finds its class whatever modules there will be.
    assert {value.__module__ for value in values if isinstance(value, type)} == {"cordial_segment"}


def test_modules_are_private_but_the_command():
    """None has the name of a function."""
    assert all(name.startswith("_") for name in MODULES)
    assert not {name.strip("_") for name in MODULES} & set(PUBLIC)


def imports_of(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Return the modules of the package that **tree** imports, and the others."""
    own, others = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            (own if node.level else others).add(node.module or "__init__")
        elif isinstance(node, ast.Import):
            others.update(alias.name for alias in node.names)
    return own, {name.partition(".")[0] for name in others}


def test_imports_are_of_the_standard_library_and_form_no_cycle():
    left = {}
    for name, tree in MODULES.items():
        left[name], others = imports_of(tree)
        assert others <= sys.stdlib_module_names
    while left:
        free = [name for name, needs in left.items() if not needs & left.keys()]
        assert free, f"these import each other: {sorted(left)}"
        for name in free:
            del left[name]


def test_translation_does_not_know_the_policies():
    homes = {getattr(node, "name", ""): name for name, tree in MODULES.items() for node in tree.body}
    seen, todo = set(), {homes["build_track_payload"]}
    while todo:
        seen.add(name := todo.pop())
        todo |= imports_of(MODULES[name])[0] - seen
    assert homes["channel_of"] in seen
    assert not seen & {homes["Policy"], homes["is_blocked"]}
