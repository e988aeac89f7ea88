"""TSPE's own recipe for a pack: a chat service writes forty candidates for a category, of which twenty are proposed.

The paper's steps are two requests to GPT-4 and two looks by a person. The requests are those that every chat service
gets. Where the person was, checks are: words that name a label are left out before the second request, and of the
candidates those are proposed that no check flags. Whoever looks through the pack afterwards decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from audioprompt.data.papers import PAPER_SETS
from audioprompt.prompts import history
from audioprompt.prompts.checks import Flag, check
from audioprompt.prompts.generators import Generator, Ideas, Task
from audioprompt.prompts.pack import CATEGORIES, Category
from audioprompt.prompts.template import Template
from audioprompt.services.generate import flags_by_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from audioprompt.encoding.encoder import Progress
    from audioprompt.models.base import AudioTextModel
    from audioprompt.prompts.pack import PromptPack

TSPE = "tspe"
RECIPES = (TSPE,)
MODEL = "gpt-4"  # that the paper asked
CHECKED_WITH = "embedded"  # the model whose embeddings the candidates are checked by
KEPT = 20  # of the candidates, as in the paper


def paper_labels(category: Category) -> dict[str, tuple[str, ...]]:
    """Return the labels of TSPE's data sets of a category, by the set's title."""
    return {one.title: one.classes for one in PAPER_SETS if one.paper == TSPE and one.category == category}


def paper_tasks(category: Category | None = None) -> list[Task]:
    """Return TSPE's tasks, all five or that of one category, each with the labels of all of its data sets."""
    chosen: Sequence[Category] = [category] if category else list(CATEGORIES)
    return [Task(one, tuple(label for labels in paper_labels(one).values() for label in labels)) for one in chosen]


def keep_suitable(ideas: Ideas, labels: Sequence[str]) -> tuple[Ideas, tuple[str, ...]]:
    """Keep the words that no check of the text flags, such as one that names a label; the others are returned too."""

    def keep(words: Sequence[str], write: Callable[[str], Template]) -> tuple[str, ...]:
        flags = check([write(word) for word in words], labels)
        return tuple(word for word, found in zip(words, flags, strict=True) if not found)

    kept = Ideas(keep(ideas.attributes, Template.tspe), keep(ideas.sources, partial(Template.tspe, None)))
    left_out = (*ideas.attributes, *ideas.sources)
    return kept, tuple(word for word in left_out if word not in (*kept.attributes, *kept.sources))


def propose(templates: Sequence[Template], flags: Sequence[Sequence[Flag]], count: int = KEPT) -> list[int]:
    """Choose the templates to approve, by their indices in order.

    Those with the fewest flags are taken; among these the formats in turn, and words that were used least.

    Args:
        templates: K candidates.
        flags: of each.
        count: how many to choose, if there are as many.
    """
    uses: Counter[tuple[str, str]] = Counter()
    left = list(range(len(templates)))
    chosen: list[int] = []

    def cost(index: int) -> tuple[int, int, int, int]:
        template = templates[index]
        return (
            len(flags[index]),
            uses["format", template.format or ""],
            sum(uses[word] for word in _words(template)),
            index,
        )

    while left and len(chosen) < count:
        best = min(left, key=cost)
        left.remove(best)
        chosen.append(best)
        uses.update([("format", templates[best].format or ""), *_words(templates[best])])
    return sorted(chosen)


def finish_pack(
    pack: PromptPack, task: Task, generator: Generator, model: AudioTextModel, progress: Progress | None = None
) -> tuple[PromptPack, list[tuple[Flag, ...]]]:
    """Check a pack of candidates and approve those proposed, as a program's decision that people may change; note in
    it what its generator asked and was answered.

    Args:
        pack: with the candidates.
        task: that they are for.
        generator: that wrote them, asking a service.
        model: whose embeddings tell whether words suit the labels.
        progress: told how many prompts are encoded.

    Returns:
        The pack, and the flags of each candidate.

    Raises:
        ModelError: the model fails.
    """
    templates = [entry.template for entry in pack.entries]
    flags = flags_by_model(model, templates, task.labels, progress)
    settings = {"recipe": TSPE, **pack.provenance.settings}
    exchanges = tuple(getattr(generator, "exchanges", ())) or None
    origin = pack.provenance.model_copy(update={"settings": settings, "exchanges": exchanges})
    finished = pack.model_copy(update={"provenance": origin, "label_presets": _presets(task) or pack.label_presets})
    texts = [templates[index].text for index in propose(templates, flags)]
    return history.decide(finished, texts, "approved", history.AUTO, reason=history.PROPOSED), flags


def _presets(task: Task) -> dict[str, tuple[str, ...]]:
    """Return the labels of each data set, where a task has those of the paper's."""
    is_papers = task.category is not None and task in paper_tasks(task.category)
    return paper_labels(task.category) if task.category and is_papers else {}


def _words(template: Template) -> list[tuple[str, str]]:
    words = (("attribute", template.attribute), ("source", template.source))
    return [(kind, word) for kind, word in words if word]
