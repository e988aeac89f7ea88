"""Write candidate prompts."""

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Annotated

from pydantic import Field

from audioprompt.api.inputs import Answer, Name, Names, Text, tell
from audioprompt.prompts.checks import check
from audioprompt.prompts.generators import COUNT, GenerationError, Ideas, as_pack
from audioprompt.prompts.pack import (
    Category,
    PackError,
)
from audioprompt.prompts.template import Template
from audioprompt.server.context import IN_PROCESS, Context
from audioprompt.server.generators import LEXICON, MAX_CANDIDATES, SERVICE, TEMPERATURE, generator_of
from audioprompt.services import curate as curation
from audioprompt.services.generate import better_category, proposed_title, task_of


def generate(
    category: Category | None = None,
    labels: Text = "",
    count: Annotated[int, Field(ge=1, le=MAX_CANDIDATES)] = COUNT,
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0,
    attributes: Names | None = None,
    sources: Names | None = None,
    keep_as: Name = "",
    service_model: Name = "",
    service_url: Name = "",
    service_key: Name = "",
    context: Context = IN_PROCESS,
    progress: curation.Progress | None = None,
) -> Answer:
    """Write candidate prompts for a task, from the bundled lexicon (offline, same seed, same prompts) or by a service.

    Args:
        category: The kind of sounds; none fits where it is left out.
        labels: The sounds to be told apart, separated by commas, semicolons or line breaks; there need be none.
        count: How many prompts, 1 to 200.
        seed: Another seed gives other prompts.
        attributes: Words for the kind of sound to write with, like "faint"; proposed where none are given.
        sources: Places to write with, like "theatre"; proposed where none are given.
        keep_as: The id of a new pack to keep the prompts in, like "my-sounds"; not kept if left out.
        service_model: The model of a service with OpenAI's chat API that is to write; the lexicon if left out.
        service_url: The service's address, OpenAI's if left out.
        service_key: Your own key for the service. Sent there, never stored.

    Returns:
        templates, each with {} for the label and what looks wrong with it; the attributes and sources used; notice; the pack they are kept in.
    """  # noqa: E501
    task, left_out = task_of(category, labels)
    kind = SERVICE if service_model else LEXICON
    generator = generator_of(kind, seed, service_model, service_url, TEMPERATURE, service_key, context.request)
    better = better_category(task)
    title = proposed_title(task, datetime.now(timezone.utc).date())
    if keep_as:  # what cannot be kept is said before a service is paid
        as_pack(task, [], generator, keep_as, title)
        if keep_as in context.store.ids():
            raise PackError(f"A prompt pack is called {keep_as!r} already: choose another id.")
    given = Ideas(tuple(attributes or ()), tuple(sources or ()))
    ideas = given if attributes or sources else generator.ideas(task)
    templates, problem = _write(generator.candidates(task, ideas, count), count, progress)
    kept = bool(keep_as and templates)
    if kept:
        context.store.create(as_pack(task, templates, generator, keep_as, title))
    return {
        "templates": [
            {"template": template.as_string(), "flags": [flag.reason for flag in flags]}
            for template, flags in zip(templates, check(templates, task.labels), strict=True)
        ],
        "attributes": ideas.attributes,
        "sources": ideas.sources,
        "notice": " ".join(filter(None, (left_out, better and better[1], generator.notice, problem))) or None,
        "pack": keep_as if kept else None,
    }


def _write(
    candidates: Iterator[Template], count: int, progress: curation.Progress | None
) -> tuple[list[Template], str | None]:
    """Return the candidates that came, and why there are not more if something went wrong."""
    templates: list[Template] = []
    try:
        for template in candidates:
            templates.append(template)
            tell(progress, "prompts", len(templates), count)
    except GenerationError as error:
        if not templates:
            raise
        return templates, str(error)
    return templates, None
