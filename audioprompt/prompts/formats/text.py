"""The approved templates as ``... {} ...``, one on each line."""

import re

from audioprompt.prompts.formats.base import PackFormat, parse_templates
from audioprompt.prompts.pack import PromptPack

# Lines between the templates of a Python list or of Markdown: blank, only brackets, comments, fences.
_NO_TEMPLATE = re.compile(r"\s*(?:(?:\w+\s*=\s*)?[\[\](),]*|#[^{%<]*|```\w*)\s*")
# In front of a string in Python, and the comment behind it.
_CODE = re.compile(r"^\s*(?:lambda \w+\s*:\s*)?(?:[fFrRuU]{1,2}(?=[\"']))?|(?<=[\"'],)\s*#.*$")


def write(pack: PromptPack) -> str:
    """Write each approved template on a line of its own."""
    return "".join(line + "\n" for line in pack.as_strings())


def read(text: str, name: str) -> PromptPack:
    """Read a template from each line; any text is taken to be in this form."""
    lines = enumerate(text.splitlines(), 1)
    return parse_templates(
        ((f"line {n}", _CODE.sub("", line)) for n, line in lines if not _NO_TEMPLATE.fullmatch(line)), name
    )


TEXT = PackFormat("text", "Text", "The approved prompts, one on each line.", ".txt", write, read)
