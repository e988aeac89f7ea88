"""Ways to let several templates answer together.

To add one here, write a function beside these and give it an entry. To add one from a package of your own, make an
`Ensemble` and name it in that package's ``pyproject.toml`` as an entry point of the group ``audioprompt.ensembles``.
"""

from audioprompt.core.ensembles.base import Ensemble as Ensemble
from audioprompt.core.ensembles.base import EnsembleError as EnsembleError
from audioprompt.core.ensembles.base import Evidence as Evidence
from audioprompt.core.ensembles.means import average_embeddings, average_logits
from audioprompt.core.ensembles.prior import match_prior
from audioprompt.core.ensembles.weighted import weight_by_accuracy, weight_by_entropy, weight_by_score
from audioprompt.util.registry import Registry

DEFAULT = "embeddings"

ENSEMBLES = Registry(
    "ensemble",
    "audioprompt.ensembles",
    Ensemble,
    (
        Ensemble(
            DEFAULT,
            "Mean of embeddings",
            "Each class's prompts are averaged into one embedding (TSPE, CLIP).",
            average_embeddings,
        ),
        Ensemble("logits", "Mean of logits", "Each template answers, and the answers are averaged.", average_logits),
        Ensemble(
            "accuracy",
            "Weighted by accuracy",
            "Templates count by their accuracy on labelled clips, other ones than those they answer for.",
            weight_by_accuracy,
            needs_labels=True,
        ),
        Ensemble(
            "entropy",
            "Weighted by entropy",
            "The weights with which the ensemble is surest of all clips together, without labels (arXiv 2601.05011).",
            weight_by_entropy,
        ),
        Ensemble(
            "zpe",
            "Zero-shot prompt weighting",
            "Templates count by how far clips stand out from the average clip, without labels (ZPE, arXiv 2302.06235).",
            weight_by_score,
        ),
        Ensemble(
            "prior",
            "Prior-matched",
            "The mean of embeddings, with every class made equally likely over all clips, without labels.",
            match_prior,
        ),
    ),
    EnsembleError,
)
