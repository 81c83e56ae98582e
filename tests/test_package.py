"""The package as a whole: what is public, how modules depend on each other, and what it needs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cordial_segment

PACKAGE = Path(cordial_segment.__file__).parent
MODULES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.glob("*.py")}

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


def test_the_public_names_are_these():
    assert sorted(cordial_segment.__all__) == sorted(PUBLIC)


def test_nothing_else_looks_public():
    public = {name for name in vars(cordial_segment) if not name.startswith("_")}
    assert public == set(PUBLIC)


def test_every_public_name_has_a_docstring_of_its_own():
    types = [getattr(cordial_segment, name) for name in PUBLIC if name not in ("EVENT_NAMES", "ORIGIN_FIELDS")]
    assert all(value.__doc__ for value in types)
    assert len({value.__doc__ for value in types}) == len(types)


def test_public_classes_are_from_the_package():
    """So that what is pickled finds them whatever modules there will be."""
    classes = [value for name in PUBLIC if isinstance(value := getattr(cordial_segment, name), type)]
    assert {value.__module__ for value in classes} == {"cordial_segment"}


def test_every_module_is_private_but_the_command():
    """A private module needs no __all__ beside."""
    assert all(name.startswith("_") for name in MODULES)
    lists = [node for name, tree in MODULES.items() if not name.startswith("__") for node in ast.walk(tree)]
    assert not [node for node in lists if isinstance(node, ast.Name) and node.id == "__all__"]


def test_no_module_has_the_name_of_a_function():
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


@pytest.mark.parametrize("name", MODULES)
def test_nothing_but_the_standard_library_is_imported(name):
    assert imports_of(MODULES[name])[1] <= sys.stdlib_module_names


def test_imports_point_one_way():
    """Imports form no cycle."""
    left = {name: imports_of(tree)[0] for name, tree in MODULES.items()}
    while left:
        free = [name for name, needs in left.items() if not needs & left.keys()]
        assert free, f"these import each other: {sorted(left)}"
        for name in free:
            del left[name]


def home_of(public: str) -> str:
    """Return the module that defines a public function or class."""
    (home,) = (name for name, tree in MODULES.items() if public in {getattr(node, "name", "") for node in tree.body})
    return home


def test_the_translation_does_not_know_the_policies():
    seen, todo = set(), {home_of("build_track_payload")}
    while todo:
        seen.add(name := todo.pop())
        todo |= imports_of(MODULES[name])[0] - seen
    assert home_of("channel_of") in seen
    assert not seen & {home_of("Policy"), home_of("is_blocked")}


def test_it_runs_isolated_from_whatever_is_installed():
    code = "import cordial_segment as c; print(c.build_track_payload({'action': 'open', 'cID': 'c1'})['event'])"
    run = subprocess.run(  # noqa: S603 (a command of ours)
        [sys.executable, "-S", "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    assert run.stdout == "Email Opened\n"
