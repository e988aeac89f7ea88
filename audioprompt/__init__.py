"""audioprompt: prompts for audio-language models, generated, measured, curated, learned and published.

Clips and prompts become embeddings once; everything a person sees is cheap arithmetic on them.

>>> from audioprompt import Template
>>> Template("a faint sound of {label}").fill("rain")
'a faint sound of rain'
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audioprompt.data.clips import LabelledClips
    from audioprompt.errors import AudiopromptError
    from audioprompt.few_shot import FewShotClassifier
    from audioprompt.models.registry import load as load_model
    from audioprompt.prompts.pack import PromptPack
    from audioprompt.prompts.store import PromptStore
    from audioprompt.prompts.template import Template
    from audioprompt.services.classify import classify

__version__ = "0.1.0"
__all__ = [
    "AudiopromptError",
    "FewShotClassifier",
    "LabelledClips",
    "PromptPack",
    "PromptStore",
    "Template",
    "classify",
    "load_model",
]

# Where the log goes is up to whoever runs this; by itself Python would print warnings that come as errors as well.
logging.getLogger(__name__).addHandler(logging.NullHandler())

# Imported when they are asked for, so that a command or a page that needs little starts quickly.
_PLACES = {
    "AudiopromptError": "errors",
    "FewShotClassifier": "few_shot",
    "LabelledClips": "data.clips",
    "PromptPack": "prompts.pack",
    "PromptStore": "prompts.store",
    "Template": "prompts.template",
    "classify": "services.classify",
    "load_model": "models.registry",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), "load" if name == "load_model" else name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
