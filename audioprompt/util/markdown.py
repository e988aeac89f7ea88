"""Other people's text in Markdown: reports, and cards of heads and Spaces."""

import re

from audioprompt.util.text import one_line

# What Markdown would make something of in the middle of a line: markup, HTML, cells of a table, addresses.
_MARKUP = re.compile(r"[`*_\[\]<#~&$\\|]|:(?=//)|(?<=www)\.", re.IGNORECASE)


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is: no markup, link or HTML, no new cell of a table."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};" if found[0] in "\\|<&" else "\\" + found[0], one_line(text))


def code(text: str) -> str:
    """Return a text as code, which Markdown leaves alone, unless it has what would end the code or the cell of a
    table.
    """
    return plain(text) if re.search(r"[`|]", text) else f"`{one_line(text)}`"


def block(text: str) -> str:
    """Return a text of many lines as a block of code, whose fence is longer than any in it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"
