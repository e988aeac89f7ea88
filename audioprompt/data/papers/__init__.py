"""The data sets of the papers on TSPE and PALM: what they are, how their files lie, and how to get and check them.

Each use of a data set by a paper is an entry, ``tspe:esc-50`` or ``palm:esc50``: the labels are the paper's words, the
division is the paper's. `sets.json` says all that is particular to one of them; the code here knows none by name.
"""

from audioprompt.data.papers.entries import PAPER_SETS, PaperSet, data_folder, find_folder
from audioprompt.data.papers.read import read_set

__all__ = ["PAPER_SETS", "PaperSet", "data_folder", "find_folder", "read_set"]
