"""The approved templates as a list of ``"... {} ..."`` strings, JSON and Python alike."""

import ast
import json
import re
from collections.abc import Sequence

from audioprompt.prompts.formats.base import PackFormat, parse_templates
from audioprompt.prompts.formats.json import held_list
from audioprompt.prompts.pack import PackError, PromptPack

# A list of JSON or Python, given a name or not. The comments are bounded, for each takes memory while this is matched.
_COMMENTS = r"\s*(?:#.*\n\s*){0,99}"
_LIST = rf"{_COMMENTS}(?:\w+\s*=\s*)?[\[(]{_COMMENTS}[\"'\]]"


def write(pack: PromptPack) -> str:
    """Write the approved templates as a list of strings."""
    return json.dumps(pack.as_strings(), indent=4, ensure_ascii=False) + "\n"


def read(text: str, name: str) -> PromptPack | None:
    """Read a list in JSON or Python, or the only one in a JSON object; None where its lines may be read instead."""
    held = held_list(text)
    if held is not None:
        return parse_templates(_number_strings(held, name), name)
    is_json = name.lower().endswith(".json")
    if not re.match(r"\s*\[" if is_json else _LIST, text):
        return None
    items = _parse_list(text, name, of_lines=not is_json)
    return None if items is None else parse_templates(_number_strings(items, name), name)


def _parse_list(text: str, name: str, of_lines: bool) -> Sequence[object] | None:
    """Parse a list in JSON or Python; None where its lines may be read instead."""
    try:
        # whole numbers of many digits take long, and there should be none
        found: list[object] | None = json.loads(text, parse_int=float)
    except (ValueError, RecursionError) as error:
        found = _parse_python(text)
        if found is None and not (of_lines and "\n" in text.strip()):
            raise PackError(f"{name}: not valid JSON, {error}.") from error
    return found


def _parse_python(text: str) -> list[object] | None:
    """Parse the list that a text in Python is, or gives a name to."""
    start, end = re.search(r"[\[(]", text), max(text.rfind("]"), text.rfind(")"))
    try:
        found = ast.literal_eval(text[start.start() if start else 0 : end + 1])
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return list(found) if isinstance(found, (list, tuple)) else None


def _number_strings(items: Sequence[object], name: str) -> list[tuple[str, str]]:
    """Give each string of a list, those in its objects included, its place."""
    found = [
        next((item[key] for key in ("template", "prompt", "text") if key in item), None)
        if isinstance(item, dict)
        else item
        for item in items
    ]
    strings = [item for item in found if isinstance(item, str)]
    if len(strings) < len(found):
        raise PackError(f'{name}: every item of the list must be a template in quotes, like "the sound of {{}}".')
    return [(f"item {n}", string) for n, string in enumerate(strings, 1)]


LIST = PackFormat(
    "list",
    "List of strings",
    "The approved prompts as a list that Python and JSON read.",
    "-templates.json",
    write,
    read,
)
