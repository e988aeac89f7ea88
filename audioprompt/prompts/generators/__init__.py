"""Who writes candidates: the offline lexicon, a service with OpenAI's chat API, or a generator of another package.

To add one here, write a file with a `Generator` and a function that makes it of `GeneratorSettings`, and add an entry
to ``GENERATORS``. To add one from another package, name its `GeneratorKind` there as an entry point of the group
``audioprompt.generators``.
"""

from audioprompt.prompts.generators.base import (
    COUNT,
    MAX_WORDS,
    GenerationError,
    Generator,
    GeneratorKind,
    GeneratorSettings,
    Ideas,
    Task,
    as_pack,
)
from audioprompt.prompts.generators.lexicon import OfflineLexicon
from audioprompt.util.registry import Registry

__all__ = [
    "COUNT",
    "GENERATORS",
    "MAX_WORDS",
    "GenerationError",
    "Generator",
    "GeneratorKind",
    "GeneratorSettings",
    "Ideas",
    "OfflineLexicon",
    "Task",
    "as_pack",
]

LEXICON = GeneratorKind(
    "lexicon",
    "Offline lexicon",
    "The bundled word lists: no key, no network, and the same seed gives the same candidates.",
    "audioprompt.prompts.generators.lexicon:make",
)
OPENAI = GeneratorKind(
    "openai",
    "Chat service",
    "Any service with OpenAI's chat API: OpenAI, Azure, OpenRouter, vLLM, Ollama, LM Studio and others.",
    "audioprompt.prompts.generators.openai:make",
    is_service=True,
)
GENERATORS = Registry("generator", "audioprompt.generators", GeneratorKind, (LEXICON, OPENAI), GenerationError)
