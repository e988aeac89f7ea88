"""Making a head by the name of its method."""

from collections.abc import Sequence

from audioprompt.core.zero_shot import Array
from audioprompt.few_shot.base import Head, HeadSpec
from audioprompt.few_shot.methods import METHODS
from audioprompt.few_shot.settings import FitSettings
from audioprompt.models.base import AudioTextModel
from audioprompt.prompts.template import BARE_NAME, Template


def build_head(
    method: str,
    model: AudioTextModel,
    classes: Sequence[str],
    settings: FitSettings | None = None,
    templates: Sequence[Template] = (),
    start: Sequence[Template] = (BARE_NAME,),
    unlabelled: Array | None = None,
) -> Head:
    """Make a head that is ready to be fitted on a model's embeddings.

    Args:
        method: the name of one of ``METHODS``.
        model: the model that embeds the clips; its text tower reads the class names here.
        classes: the C class names, as a prompt says them (`LabelledClips.spoken_classes`).
        settings: how it is fitted; `RECIPES` has those of the paper.
        templates: TSPE's ensemble, such as a pack's approved templates.
        start: the templates whose ensemble PALM starts from, alone the bare name as in the paper.
        unlabelled: embeddings of recordings without labels that join the clips, ``[U, D]``; None for none.

    Raises:
        FewShotError: no such method, classes that cannot be told apart, or no template where some are needed.
    """
    spec = HeadSpec(model, classes, settings or FitSettings(), templates, start, unlabelled)
    return METHODS[method].load().build(spec)
