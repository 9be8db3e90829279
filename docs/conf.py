"""How ``make docs`` builds these pages: Sphinx, MyST, furo; the reference comes from the docstrings."""

from __future__ import annotations

import os
import re
import tempfile
from typing import TYPE_CHECKING

# Airflow writes its configuration on import: not into the home folder of whoever builds the docs.
os.environ["AIRFLOW_HOME"] = os.environ.get("DOCS_AIRFLOW_HOME") or tempfile.mkdtemp(prefix="versioned-docs-")

from pygments.lexers.special import TextLexer

from airflow_provider_versioned import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SOURCES = "https://github.com/airflow-provider-versioned/airflow-provider-versioned/blob/main/"

project = "airflow-provider-versioned"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"{project} {release}"
html_static_path: list[str] = []
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
smartquotes = False  # messages are quoted as they are

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # decision records begin with their status under the title

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_attr_annotations = True
add_module_names = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"


def link_out_of_the_docs(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Let links that leave ``docs/`` lead to the sources; on the file system and on GitHub they work as they are."""
    up = "../" * (docname.count("/") + 1)
    source[0] = re.sub(rf"\]\({re.escape(up)}(?!\.)([^)]*)\)", rf"]({SOURCES}\1)", source[0])


def setup(app: Sphinx) -> None:
    """Connect what Sphinx has no setting for."""
    app.add_lexer("requirements", TextLexer)
    app.connect("source-read", link_out_of_the_docs)
