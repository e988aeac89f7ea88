"""Curation: a pack's templates measured on labelled clips, and the decisions taken on what they are worth.

What the page, the command line and the API share.

    measured = measure(model, store.get("instruments"), open_clips("instruments"), Split(folds=(1, 2)))
    print(measured.report(store.get("instruments")).ensemble.accuracy)
"""

from audioprompt.prompts.history import AUTO
from audioprompt.services.curate.answers import Answers, Way, compare_answers
from audioprompt.services.curate.compare import PackComparison, choose_by, compare_packs
from audioprompt.services.curate.decisions import Proposal, apply_proposal, decide, propose_selection, revise
from audioprompt.services.curate.effects import Effects, measure_effects
from audioprompt.services.curate.embed import Progress, embed_clips, embed_prompts, look_through
from audioprompt.services.curate.held_out import HeldOut, note_held_out, score_held_out
from audioprompt.services.curate.measured import MeasuredPack, forget, measure, measure_setup
from audioprompt.services.curate.report import write_report
from audioprompt.services.curate.setup import Setup, Split, demonstration_pack

__all__ = [
    "AUTO",
    "Answers",
    "Effects",
    "HeldOut",
    "MeasuredPack",
    "PackComparison",
    "Progress",
    "Proposal",
    "Setup",
    "Split",
    "Way",
    "apply_proposal",
    "choose_by",
    "compare_answers",
    "compare_packs",
    "decide",
    "demonstration_pack",
    "embed_clips",
    "embed_prompts",
    "forget",
    "look_through",
    "measure",
    "measure_effects",
    "measure_setup",
    "note_held_out",
    "propose_selection",
    "revise",
    "score_held_out",
    "write_report",
]
