"""The page's own files, each read once: templates that become HTML, styles, and scripts for the browser.

What other people wrote goes into a page through a template, which escapes it.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup

from audioprompt.ui import numbers
from audioprompt.util.text import counted, one_line

FOLDER = Path(__file__).parent
COMPONENTS = FOLDER / "components"


class Tight(Extension):
    """Leaves the line breaks between two tags out of a template: they are for its readers."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Shorten a template before it is compiled."""
        return re.sub(r"(?<=[>}])\n\s*(?=[<{])", "", source)


ENVIRONMENT = Environment(
    loader=FileSystemLoader(COMPONENTS),
    autoescape=True,
    undefined=StrictUndefined,
    extensions=[Tight],
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
ENVIRONMENT.filters |= {
    filter.__name__: filter
    for filter in (
        counted,
        one_line,
        numbers.percent,
        numbers.half_width,
        numbers.interval,
        numbers.signed,
        numbers.width,
    )
}


def render(template: str, macro: str, **values: Any) -> Markup:
    """Fill a macro of a template with values, each of which it escapes unless it is markup from here.

    Args:
        template: its path below ``components``.
        macro: its name there.
        values: what it takes.
    """
    filled: Markup = getattr(ENVIRONMENT.get_template(template).module, macro)(**values)
    return filled.strip()


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
