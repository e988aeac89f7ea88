"""What a check is, what it looks at and what it says.

Shapes are written with K templates, C labels (classes), D dimensions and N clips.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array
from audioprompt.prompts.template import Template


@dataclass(frozen=True)
class Flag:
    """Something about a template that a person should look at.

    Attributes:
        kind: name of the check that found it; "format" is mild, for any wording may do well.
        reason: in words, a sentence without its full stop.
    """

    kind: str
    reason: str


@dataclass(frozen=True)
class AgainstVanilla:
    """What each template alone changes, class by class, to what the vanilla template gets right.

    Attributes:
        right: clips that vanilla gets right, ``[C]``.
        lost: of these, those that the template gets wrong, ``[K, C]``.
        won: clips that vanilla gets wrong and the template right, ``[K, C]``.
    """

    right: NDArray[np.intp]
    lost: NDArray[np.intp]
    won: NDArray[np.intp]

    @classmethod
    def count(
        cls, chosen: NDArray[np.intp], vanilla: NDArray[np.intp], targets: NDArray[np.intp], classes: int
    ) -> "AgainstVanilla":
        """Count from the classes chosen by each template, by vanilla, and true: ``[K, N]``, ``[N]``, ``[N]``."""
        member = np.eye(classes, dtype=np.intp)[targets]  # [N, C]
        right, right_too = vanilla == targets, chosen == targets
        return cls(right @ member, (right & ~right_too) @ member, (~right & right_too) @ member)


@dataclass(frozen=True)
class Material:
    """What is checked.

    Attributes:
        templates: K templates.
        labels: the C labels.
        prompts: embeddings of the filled templates, ``[K, C, D]``; without them checks by meaning find nothing.
        plain: embeddings of the bare labels, ``[C, D]``; likewise.
        recalls: what the templates do on validation clips; without it the check on clips finds nothing.

    Raises:
        ValueError: shapes that do not fit.
    """

    templates: Sequence[Template]
    labels: Sequence[str] = ()
    prompts: Array | None = None
    plain: Array | None = None
    recalls: AgainstVanilla | None = None

    def __post_init__(self) -> None:
        k, c, prompts, plain, recalls = len(self.templates), len(self.labels), self.prompts, self.plain, self.recalls
        if prompts is not None and (prompts.ndim != 3 or prompts.shape[:2] != (k, c)):
            raise ValueError(f"prompts must be [{k}, {c}, dim], got shape {prompts.shape}")
        if prompts is not None and plain is not None and plain.shape != prompts.shape[1:]:
            raise ValueError(f"plain must be {list(prompts.shape[1:])}, got shape {plain.shape}")
        if recalls is not None and not recalls.lost.shape == recalls.won.shape == (k, *recalls.right.shape) == (k, c):
            raise ValueError(f"recalls must be for {k} templates and {c} labels, got shape {recalls.lost.shape}")


Found = Iterable[tuple[int, str]]  # a template's index, and what to say of it


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: the kind of its flags: "article".
        description: one line on what it looks for.
        find: finds what a person should look at: which templates, by their index, each with the reason in words.
    """

    name: str
    description: str
    find: Callable[[Material], Found]
