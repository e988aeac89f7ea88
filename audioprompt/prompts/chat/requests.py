"""What a service is asked, word for word: one text file for each of the two steps."""

import json
import string
from collections.abc import Iterable, Sequence
from pathlib import Path

from audioprompt.prompts.generators.base import COUNT, Ideas, Task
from audioprompt.prompts.template import FORMATS, SLOT, Template


def ideas_request(task: Task) -> str:
    """Write the exact text that asks a service for attributes and sources."""
    return _request("ideas", task=task.title, labels=_quote(task.labels, "any of this kind"))


def candidates_request(task: Task, ideas: Ideas, count: int = COUNT, there: Sequence[Template] = ()) -> str:
    """Write the exact text that asks a service for candidates, others than those ``there`` already."""
    given = {"attribute": bool(ideas.attributes), "source": bool(ideas.sources)}
    given["attribute_source"] = all(given.values())
    formats = [f"- {layout.replace('<label>', SLOT)}" for name, layout in FORMATS.items() if given[name]]
    others = [f"- {template.text}" for template in there]
    return _request(
        "candidates",
        task=task.title,
        labels=_quote(task.labels, "any of this kind"),
        attributes=_quote(ideas.attributes),
        sources=_quote(ideas.sources),
        count=str(count),
        formats="\n".join(formats),
        there="\n".join(["These are written already, so write others:", *others, ""]) if others else "",
    )


def _request(name: str, **words: str) -> str:
    text = (Path(__file__).parent / f"{name}.md").read_text(encoding="utf-8")
    return string.Template(text).substitute(words).strip()


def _quote(words: Iterable[str], if_none: str = "none") -> str:
    return ", ".join(json.dumps(word, ensure_ascii=False) for word in words) or if_none
