"""The data sets of the papers, in the folder of data sets."""

from audioprompt.data.clips import LabelledClips
from audioprompt.data.papers import PAPER_SETS, data_folder, find_folder, read_set
from audioprompt.data.sources.base import OpenOptions, Source
from audioprompt.data.tables import DataError


def _recognises(where: str) -> bool:
    return where in PAPER_SETS


def _open(where: str, options: OpenOptions) -> LabelledClips:
    one, root = PAPER_SETS[where], data_folder()
    folder = find_folder(one, root)
    if folder is None:
        raise DataError(
            f"{where} is not on this machine: get it with audioprompt data get {where}, or put it into"
            f" {root / one.corpus}"
        )
    return read_set(one, folder, options.skip_bad)


SOURCE = Source(
    name="papers",
    example="palm:esc50",
    description="A data set of the papers on TSPE and PALM, as `audioprompt data list` names it.",
    recognises=_recognises,
    open=_open,
)
