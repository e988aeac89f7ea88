"""Filled templates through the text tower, once: what answers again and again with the same prompts keeps them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from audioprompt.core.zero_shot import Array
from audioprompt.prompts.template import VANILLA, Template
from audioprompt.util.lru import Recent

if TYPE_CHECKING:
    from audioprompt.encoding.encoder import Progress
    from audioprompt.models.base import AudioTextModel

PROMPT_SETS_KEPT = 16  # encoded (labels, templates) held in memory; 4,000 prompts of 1,024 dimensions take 16 MB


class PromptCache:
    """Embeddings of filled templates, kept for the most recently used (model, templates, labels).

    What is not in memory comes from the cache on disk, as clips do, and what is encoded goes there.

    Args:
        capacity: how many sets are kept; the one unused for longest makes room.
    """

    def __init__(self, capacity: int = PROMPT_SETS_KEPT) -> None:
        self._kept: Recent[Array] = Recent(capacity)

    def __len__(self) -> int:
        return len(self._kept)

    def get(
        self,
        model: "AudioTextModel",
        templates: Sequence[Template],
        labels: Sequence[str],
        progress: "Progress | None" = None,
    ) -> Array:
        """Return the templates filled with the labels, encoded: K templates, C labels -> ``[K, C, D]``, not to be
        changed.
        """
        from audioprompt.encoding.cache import EmbeddingCache
        from audioprompt.encoding.encoder import embed_prompts

        key = (model.name, model.revision, tuple(template.text for template in templates), tuple(labels))
        if (kept := self._kept.get(key)) is not None:
            return kept
        prompts = embed_prompts(model, templates, labels, progress, EmbeddingCache())
        prompts.flags.writeable = False
        return self._kept.put(key, prompts)


PROMPTS = PromptCache()


def read_prompts(
    model: "AudioTextModel", templates: Sequence[Template], labels: Sequence[str], progress: "Progress | None" = None
) -> tuple[Array, Array]:
    """Return the prompts of both methods, encoded once: the vanilla template's, ``[1, C, D]``, and all others, ``[K,
    C, D]``.

    Args:
        model: what reads them.
        templates: K of them.
        labels: C of them.
        progress: told how many are encoded, where they were not already. What is encoded when it raises is kept.
    """
    return PROMPTS.get(model, [VANILLA], labels), PROMPTS.get(model, templates, labels, progress)
