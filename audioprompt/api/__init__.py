"""The API: every capability under a name that stays, for programs and, as MCP tools, for assistants.

Each function of ``CAPABILITIES`` is an endpoint of its own name, and a script can call it as well. What Gradio shows of
it are the docstring's first lines, its ``Returns:`` and, of ``Args:``, one line for each parameter.
"""

from collections.abc import Callable
from typing import Any

import audioprompt.server  # noqa: F401, prepares the import of Gradio
from audioprompt.api import classify, explore, generate, learn, measure, packs

CAPABILITIES: tuple[Callable[..., Any], ...] = (
    classify.classify,
    explore.classify_folder,
    explore.search,
    classify.models,
    packs.packs,
    packs.pack,
    generate.generate,
    measure.measure,
    measure.propose,
    packs.decide,
    packs.export,
    learn.learn,
    classify.predict,
)
