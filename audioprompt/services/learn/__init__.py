"""Few-shot methods tried on labelled clips: which of them learns best from how many, and the heads that come of it.

The Learn tab, the command line and the benchmark all go through `run`. Clips are embedded once, by `embed_clips`;
shapes and letters are those of `audioprompt.few_shot`.
"""

from audioprompt.services.heads import HEADS as HEADS
from audioprompt.services.heads import Heads as Heads
from audioprompt.services.learn.clips import MIN_TO_DIVIDE as MIN_TO_DIVIDE
from audioprompt.services.learn.clips import EmbeddedClips as EmbeddedClips
from audioprompt.services.learn.clips import embed_clips as embed_clips
from audioprompt.services.learn.clips import hold_back as hold_back
from audioprompt.services.learn.fitting import SHOTS as SHOTS
from audioprompt.services.learn.fitting import curve as curve
from audioprompt.services.learn.fitting import fit_again as fit_again
from audioprompt.services.learn.fitting import run as run
from audioprompt.services.learn.fitting import try_out as try_out
from audioprompt.services.learn.palm import Moves as Moves
from audioprompt.services.learn.palm import moves as moves
from audioprompt.services.learn.palm import palm_of as palm_of
from audioprompt.services.learn.palm import reliance as reliance
from audioprompt.services.learn.results import Experiment as Experiment
from audioprompt.services.learn.results import ExperimentSettings as ExperimentSettings
from audioprompt.services.learn.results import Outcome as Outcome
from audioprompt.services.learn.results import Results as Results
from audioprompt.services.learn.results import Step as Step
from audioprompt.services.learn.results import Watch as Watch
from audioprompt.services.learn.results import interval_over_seeds as interval_over_seeds
from audioprompt.services.learn.share import shared as shared
from audioprompt.services.learn.unlabelled import keep_together as keep_together
