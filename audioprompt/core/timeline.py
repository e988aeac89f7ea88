"""What is heard when: the windows of a recording joined to stretches."""

from dataclasses import dataclass
from itertools import groupby

from audioprompt.core.zero_shot import Timeline


@dataclass(frozen=True)
class Stretch:
    """A part of a recording in which one thing is heard, or nothing.

    Attributes:
        start: in seconds.
        end: in seconds.
        label: what is heard; None where there is silence.
        probability: the label's mean over the part's windows; 0 where there is silence.
    """

    start: float
    end: float
    label: str | None
    probability: float


def find_stretches(timeline: Timeline) -> list[Stretch]:
    """Join neighbouring windows in which the same is heard; none for a recording of a single window."""
    ends, prediction, silent = timeline.ends, timeline.prediction, timeline.silent
    if len(ends) == 1:
        return []
    stretches: list[Stretch] = []
    for heard_class, group in groupby(range(len(ends)), key=lambda at: None if silent[at] else prediction.winners[at]):
        windows = list(group)
        start = stretches[-1].end if stretches else 0.0  # the last window overlaps the one before it
        end = float(ends[windows[-1]])
        if heard_class is None:
            stretches.append(Stretch(start, end, None, 0.0))
        else:
            probability = float(prediction.probabilities[windows, heard_class].mean())
            stretches.append(Stretch(start, end, prediction.labels[heard_class], probability))
    return stretches
