"""Automatic checks on candidates: what looks wrong with a template, each time with the reason in words.

They flag; a person decides. Some look at the text alone, some at its embeddings, some at what it does to clips.

To add one here, write a `Check` and add it to ``CHECKS``. To add one from another package, name it there as an entry
point of the group ``audioprompt.checks``.
"""

from collections.abc import Sequence

from audioprompt.core.zero_shot import Array
from audioprompt.prompts.checks import model, text
from audioprompt.prompts.checks.base import AgainstVanilla, Check, Flag, Material
from audioprompt.prompts.checks.model import MIN_TEMPLATES, nearness
from audioprompt.prompts.checks.text import MAX_WORDS
from audioprompt.prompts.template import Template
from audioprompt.util.registry import Registry

__all__ = [
    "CHECKS",
    "MAX_WORDS",
    "MIN_TEMPLATES",
    "AgainstVanilla",
    "Check",
    "Flag",
    "Material",
    "check",
    "nearness",
]

BY_TEXT = (text.FORMAT, text.SLOT_CHECK, text.ARTICLE, text.WORDING, text.LABEL, text.DUPLICATE)
BY_MODEL = (model.SIMILAR_CHECK, model.UNSUITED, model.CONFUSING, model.LOSES)
CHECKS = Registry("check", "audioprompt.checks", Check, (*BY_TEXT, *BY_MODEL))


def check(
    templates: Sequence[Template],
    labels: Sequence[str] = (),
    prompts: Array | None = None,
    plain: Array | None = None,
    recalls: AgainstVanilla | None = None,
) -> list[tuple[Flag, ...]]:
    """Check templates: K of them -> for each its flags, none if it looks well.

    Args:
        templates: what is checked.
        labels: the C labels.
        prompts: embeddings of the filled templates, ``[K, C, D]``; without them the checks by meaning are left out.
        plain: embeddings of the bare labels, ``[C, D]``; likewise.
        recalls: what the templates do on validation clips; without it that check is left out.

    The checks against ``plain`` hold a template against the others, so they want ``MIN_TEMPLATES`` of them.

    Raises:
        ValueError: shapes that do not fit.
    """
    material = Material(templates, labels, prompts, plain, recalls)
    flags: list[list[Flag]] = [[] for _ in templates]
    for one in CHECKS:
        for index, reason in one.find(material):
            flags[index].append(Flag(one.name, reason))
    return [tuple(some) for some in flags]
