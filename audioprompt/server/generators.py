"""Which generator somebody may use: visitors bring a key of their own, for OpenAI alone."""

import gradio as gr

from audioprompt.prompts.chat.addresses import OPENAI_URL, ServiceAddress
from audioprompt.prompts.generators import (
    GENERATORS,
    OPENAI,
    GenerationError,
    Generator,
    GeneratorKind,
    GeneratorSettings,
)
from audioprompt.prompts.generators import LEXICON as OFFLINE
from audioprompt.server import access
from audioprompt.settings import OPENAI_URL as OPENAI_URL_SET

LEXICON, SERVICE = OFFLINE.title, OPENAI.title
TEMPERATURE = 0.7
MAX_CANDIDATES = 200  # asked for at once


def generator_of(
    kind: str,
    seed: float | None,
    model: str,
    base_url: str,
    temperature: float | None,
    key: str,
    request: gr.Request | None = None,
) -> Generator:
    """Make the generator that was chosen.

    Raises:
        GenerationError: what it takes is not given, or a visitor would use the owner's key or network.
    """
    chosen = kind_of(kind)
    number = None if seed is None else int(seed)
    if not chosen.is_service:
        return chosen.make(GeneratorSettings(number))
    if not access.is_curator(request):
        if not key or not ServiceAddress.parse(base_url.strip() or OPENAI_URL).is_openai:
            raise GenerationError(f"Visitors need their own OpenAI key. Enter one, or {access.elsewhere()}")
        base_url = OPENAI_URL  # whatever the owner's environment says
    return chosen.make(GeneratorSettings(number, model, base_url or None, key or None, temperature))


def address_of(base_url: str, request: gr.Request | None = None) -> ServiceAddress | None:
    """Return the address that is asked, None where it cannot be used; the one in the environment is the owner's."""
    preset = OPENAI_URL_SET.value if access.is_curator(request) else OPENAI_URL
    try:
        return ServiceAddress.parse(base_url.strip() or preset)
    except GenerationError:
        return None


def kind_of(title: str) -> GeneratorKind:
    """Find a kind of generator by its title; a chat service where there is none."""
    return next((one for one in GENERATORS if one.title == title), OPENAI)
