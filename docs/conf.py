"""How Sphinx builds the documentation: ``sphinx-build -W --keep-going -b html docs docs/_build/html``."""

import importlib
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

# The reference is built from the source in this clone, even if another version is installed.
sys.path.insert(0, str(Path(__file__).parent.parent))

from cordial_segment.__main__ import VERSION

ROOT = Path(__file__).parent.parent
metadata = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = metadata["name"]
author = metadata["authors"][0]["name"]
release = VERSION
copyright = f"2026, {author}. MIT licence"  # noqa: A001 - Sphinx's own name for it

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["_build", "examples", "**/__pycache__"]
templates_path = ["_templates"]
nitpicky = True
# Private types and other libraries' types have no page to link to.
nitpick_ignore_regex = [
    ("py:.*", r"(typing|collections|enum)\..*|Any|Mapping|Iterable|Literal|NotRequired|(.*\.)?_\w+"),
]

# The page shows the notebook's saved outputs. A test runs the notebook and compares.
nb_execution_mode = "off"
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# The button copies what can be run: the input without its prompts. A notebook's output has none.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"
copybutton_selector = ":not(.output) > div.highlight > pre"

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_type_aliases = {"Container": "Mapping | list | tuple"}
python_maximum_signature_line_length = 80
add_module_names = False
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_favicon = "_static/favicon.svg"
html_show_sphinx = False


def show_constant(*event: Any) -> None:
    """Show the text below a public constant's assignment. Autodoc looks only where the constant is exported."""
    _, what, name, _, _, lines = event
    if what == "data":
        for module in ("cordial_segment._blocking", "cordial_segment._events"):
            text = ModuleAnalyzer.for_module(module).find_attr_docs().get(("", name.rpartition(".")[2]))
            if text:
                lines[:] = text


def hand_to_try_page(app: Sphinx, exception: Exception | None) -> None:
    """Put the library, the page's own modules and the examples beside the page that runs them."""
    if exception or app.builder.format != "html":
        return
    folder = app.outdir / "_static" / "try"
    own = ROOT / "docs" / "_static" / "try"
    with zipfile.ZipFile(folder / "python.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted([*(ROOT / "cordial_segment").glob("*.py"), own / "explain.py", own / "translate.py"]):
            archive.write(path, path.relative_to(own if path.parent == own else ROOT))
    sys.path.insert(0, str(own))
    examples = importlib.import_module("examples").build(ROOT / "docs" / "examples")
    (folder / "examples.json").write_text(examples, encoding="utf-8")


def show_signature(*event: Any) -> tuple[str | None, str | None]:
    """Show the public type for the private protocol that stands for it."""
    *_, signature, returns = event
    return signature and signature.replace("cordial_segment._blocking._PolicyLike", "cordial_segment.Policy"), returns


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", show_constant)
    app.connect("build-finished", hand_to_try_page)
    app.connect("autodoc-process-signature", show_signature)
