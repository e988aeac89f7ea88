"""A head with its record, ready to be saved or published."""

from audioprompt.few_shot.heads import HeadScore, SharedHead, record_of
from audioprompt.few_shot.methods import METHODS
from audioprompt.few_shot.settings import FewShotError
from audioprompt.models.base import AudioTextModel
from audioprompt.services.learn.results import Results


def shared(results: Results, method: str, model: AudioTextModel, data: str, licence: str | None = None) -> SharedHead:
    """Return a trial's head of one method, with its record, ready to be saved or published.

    Args:
        results: of the trial.
        method: which head.
        model: what heard the clips.
        data: what the clips are, for the card.
        licence: theirs, as stated by whoever has it.

    Raises:
        FewShotError: there is no such head.
    """
    outcome = results.of(method)
    if outcome is None or outcome.head is None:
        raise FewShotError(f"there is no {method} head: fit one first")
    found, learns = outcome.fits[0].score, METHODS[method].learns
    scores = (
        [
            HeadScore(
                data=f"{data}, held back",
                n=found.n,
                accuracy=found.accuracy,
                zero_shot=results.zero_shot,
                fitted_on=results.learned_from if learns else None,
            )
        ]
        if found
        else []
    )
    shots = results.trial.shots if learns and not outcome.again else None
    record = record_of(outcome.head, model, data, licence or None, shots, tuple(scores), results.fitted_on(outcome))
    return SharedHead(outcome.head, record)
