"""A pack's own file: everything, as JSON."""

import json
import re
from contextlib import suppress

from audioprompt.prompts.formats.base import PackFormat
from audioprompt.prompts.pack import PromptPack


def read(text: str, name: str) -> PromptPack | None:
    """Read a pack from its own JSON; lists of templates are read elsewhere."""
    if re.match(r"\s*\[", text) or held_list(text) is not None:
        return None
    if name.lower().endswith(".json") or re.match(r'\s*\{\s*"', text):
        return PromptPack.from_json(text, name)
    return None


def held_list(text: str) -> list[object] | None:
    """Find the only list in a JSON object that is not a pack, ``{"templates": [...]}``."""
    if not re.match(r"\s*\{", text):
        return None
    with suppress(ValueError, RecursionError):
        held = json.loads(text, parse_int=float)
        lists = [one for one in held.values() if isinstance(one, list)] if isinstance(held, dict) else []
        if len(lists) == 1 and not {"entries", "id"} & held.keys():
            return lists[0]
    return None


JSON = PackFormat(
    "json", "Pack", "The pack with its decisions and its history, as JSON.", ".json", PromptPack.to_json, read
)
