"""What the files and requests of people are checked with: strict records, texts of one line, and errors in words."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from audioprompt.util.text import counted, one_line

MAX_PROBLEMS = 1_000  # that are told apart; a file of many megabytes may hold millions
ITEMS = {"entries": "templates"}  # what people call the items of a field, where it is not the field's own name


class StrictModel(BaseModel):
    """A record that cannot be changed, and in which a field that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _one_line_of(limit: int) -> Callable[[str], str]:
    """Make a check for text of one line: blanks collapsed, not empty, at most ``limit`` characters."""

    def check(text: str) -> str:
        text = one_line(text)
        if not text:
            raise ValueError("must not be empty")
        if len(text) > limit:
            raise ValueError(f"must have at most {limit} characters, has {len(text)}")
        return text

    return check


Line = Annotated[str, AfterValidator(_one_line_of(200))]
Note = Annotated[str, AfterValidator(_one_line_of(2_000))]


def explain(error: ValidationError) -> str:
    """Say in one sentence which field is wrong and why: the first problem, and how many more there are."""
    if error.error_count() > MAX_PROBLEMS:
        return f"over {MAX_PROBLEMS:,} fields are wrong, so it is something else."
    first, *more = error.errors(include_url=False, include_input=False)
    tail = f" (and {counted(len(more), 'more problem')})" if more else ""
    if first["type"] == "json_invalid":
        return f"not valid JSON, {first['ctx']['error']}."
    return f"{_path(first['loc'])} {_reason(first).rstrip('.')}{tail}."


def _path(parts: Sequence[str | int]) -> str:
    """Write a field's path as a person would: ``entries[3].template.text``."""
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")
    return one_line(written)[:100] or "the file"  # a field that there is not has any name


def _reason(problem: Any) -> str:
    if problem["type"] == "missing":
        return "is missing"
    if problem["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return "is not a known field: correct its spelling or remove it"
    if problem["type"] == "too_long":
        field, found = problem["loc"][-1], problem["ctx"]
        count = found["actual_length"] or "more"
        return f"must hold at most {found['max_length']} {ITEMS.get(field, field)}, holds {count}"
    if problem["type"] == "value_error":
        cause = problem["ctx"]["error"]
        return str(cause) if type(cause) is ValueError else f"cannot be used. {cause}"  # others are whole sentences
    message: str = problem["msg"].replace("Input should", "must", 1)
    return message[0].lower() + message[1:]
