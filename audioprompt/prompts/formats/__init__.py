"""Packs in the forms that other tools take, and back: one file for each form.

    >>> from audioprompt.prompts.pack import pack_from_templates
    >>> pack = pack_from_templates(["the sound of {}", "{} noise"])
    >>> print(PACK_FORMATS["text"].write(pack), end="")
    the sound of {}
    {} noise
    >>> read_pack(b"the sound of {}\\nI hear {}\\n", "mine.txt").id
    'mine'

To add a form here, write a file with a `PackFormat` and add it to ``PACK_FORMATS``. To add one from another package,
name it there as an entry point of the group ``audioprompt.formats``.
"""

from pathlib import PurePath

from audioprompt.prompts.formats.base import PackFormat
from audioprompt.prompts.formats.csv import CSV
from audioprompt.prompts.formats.json import JSON
from audioprompt.prompts.formats.list import LIST
from audioprompt.prompts.formats.report import REPORT
from audioprompt.prompts.formats.text import TEXT
from audioprompt.prompts.formats.text import read as read_lines
from audioprompt.prompts.pack import MAX_BYTES, PackError, PromptPack
from audioprompt.util.registry import Registry
from audioprompt.util.text import one_line

__all__ = ["PACK_FORMATS", "PackFormat", "read_pack"]

PACK_FORMATS = Registry("format", "audioprompt.formats", PackFormat, (JSON, LIST, TEXT, CSV, REPORT), PackError)


def read_pack(content: bytes, name: str) -> PromptPack:
    """Read a pack from what a person brings: a pack's JSON, a list in JSON or Python, a table, or a template a line.

    Templates mark their slot as `Template.parse` reads it. Where nothing is said about their status they are approved:
    someone chose them. A pack that is not from a pack's JSON is called after the file.

    Args:
        content: of the file.
        name: of the file.

    Raises:
        PackError: there is no pack in it; the message names the file and says where it is wrong and how.
    """
    name = one_line(PurePath(name.replace("\\", "/")).name) or "file"
    if len(content) > MAX_BYTES:
        raise PackError(f"{name}: too long for a pack, keep it under {MAX_BYTES // 1_000_000} MB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PackError(f"{name}: not UTF-8 text, so neither a pack nor a list of templates.") from None
    for form in PACK_FORMATS:
        if form.read and form is not TEXT and (pack := form.read(text, name)) is not None:
            return pack
    return read_lines(text, name)  # last, for any text has lines
