"""The methods by name, and how each is made for a model."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from audioprompt.core.zero_shot import Array, ensemble_weights
from audioprompt.encoding.cache import EmbeddingCache
from audioprompt.encoding.encoder import embed_prompts
from audioprompt.few_shot.base import FewShotError, FitSettings, Head
from audioprompt.few_shot.cocoop import Cocoop
from audioprompt.few_shot.coop import Coop
from audioprompt.few_shot.palm import Palm, PalmDagger
from audioprompt.few_shot.yardsticks import LinearProbe, TipAdapter, Tspe, ZeroShot
from audioprompt.models.base import AudioTextModel
from audioprompt.prompts.template import BARE_NAME, Template
from audioprompt.services.classify import VANILLA

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "zero-shot": "One plain prompt for all classes; learns nothing.",
        "tspe": "An ensemble of prompts; learns nothing.",
        "palm": "A learned context and gate for each class, in the space of the embeddings; seconds.",
        "palm-dagger": "PALM without its context, which is what makes it learn.",
        "coop": "A learned context in front of every class name, through the text tower; minutes.",
        "cocoop": "CoOp with a context that suits each clip; many minutes.",
        "linear-probe": "Logistic regression on the clips alone; reads no text.",
        "tip-adapter": "One plain prompt, and the clips vote for their classes; learns nothing by steps.",
    }
)


def build(
    method: str,
    model: AudioTextModel,
    classes: Sequence[str],
    settings: FitSettings | None = None,
    templates: Sequence[Template] = (),
    start: Sequence[Template] = (BARE_NAME,),
) -> Head:
    """Make a head that is ready to be fitted on a model's embeddings.

    Args:
        method: one of ``METHODS``.
        model: the model that embeds the clips; its text tower reads the class names here.
        classes: the C class names, as a prompt says them (`LabelledClips.spoken_classes`).
        settings: how it is fitted; the papers' way by default.
        templates: TSPE's ensemble, such as a pack's approved templates.
        start: the templates whose ensemble PALM starts from, alone the bare name as in the paper.

    Raises:
        FewShotError: no such method, classes that cannot be told apart, or no template where some are needed.
    """
    settings = settings or FitSettings()

    def said(templates: Sequence[Template]) -> Array:
        if not templates:
            raise FewShotError(f"{method} needs templates: choose a pack that has approved ones")
        return ensemble_weights(embed_prompts(model, templates, classes, cache=EmbeddingCache()))

    makers: Mapping[str, Callable[[], Head]] = {
        "zero-shot": lambda: ZeroShot(classes, said([VANILLA]), settings.logit_scale),
        "tspe": lambda: Tspe(classes, said(templates), settings.logit_scale),
        "palm": lambda: Palm(classes, said(start), settings),
        "palm-dagger": lambda: PalmDagger(classes, said(start), settings),
        "coop": lambda: Coop(classes, model.text, settings),
        "cocoop": lambda: Cocoop(classes, model.text, settings),
        "linear-probe": lambda: LinearProbe(classes),
        "tip-adapter": lambda: TipAdapter(classes, said([VANILLA]), logit_scale=settings.logit_scale),
    }
    if method not in makers:
        raise FewShotError(f"no method is called {method!r}; there are: {', '.join(METHODS)}")
    return makers[method]()
