"""The page's own files, each read once: templates that become HTML, styles, and scripts for the browser.

What other people wrote goes into a page through a template, which escapes it.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).parent
COMPONENTS = FOLDER / "components"

_environment = Environment(
    loader=FileSystemLoader(COMPONENTS),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def render(template: str, **values: Any) -> str:
    """Fill a template with values, each of which it escapes.

    Args:
        template: its path below ``components``.
        values: what it names.
    """
    return _environment.get_template(template).render(values).strip()


@cache
def text(path: str) -> str:
    """Read a file below this folder."""
    return (FOLDER / path).read_text("utf-8")


def script(path: str, **constants: Any) -> str:
    """Read a script, and put constants into it.

    Args:
        path: below this folder.
        constants: each takes the place of its name in capitals between two underscores: ``__NAME__``.
    """
    filled = text(path)
    for name, value in constants.items():
        filled = filled.replace(f"__{name.upper()}__", json.dumps(value))
    return filled


@cache
def style() -> str:
    """Join the styles of the whole page, the theme's first."""
    return "\n".join(text(path) for path in _styles())


def _styles() -> Iterator[str]:
    yield "static/theme.css"
    yield from sorted(path.relative_to(FOLDER).as_posix() for path in COMPONENTS.glob("*/style.css"))
