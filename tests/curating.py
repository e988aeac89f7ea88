"""What tests of curation share: clips whose class can be foretold, and a pack of good and bad templates for them."""

from datetime import datetime
from pathlib import Path

import soundfile

from audioprompt.data import LabelledClips
from audioprompt.prompts.history import step
from audioprompt.prompts.pack import PackEntry, PromptPack, Provenance, Status
from audioprompt.prompts.template import Template
from tests.fakes import HUM, RATE, WHISTLE, tone

PLAIN, CONTRARY, BIASED = "the sound of {label}", "the contrary of {label}", "a hum, or the sound of {label}"
# With the fake model PLAIN is always right, CONTRARY always wrong, and BIASED calls everything a hum, the first class.


def clips_in(folder: Path, each: int = 4) -> Path:
    """A manifest of two classes in two folds, ``each`` clips of a class in a fold, no two alike."""
    rows = ["path,classname,fold"]
    for fold in (1, 2):
        for name, hertz in (("hum", HUM), ("whistle", WHISTLE)):
            for number in range(each):
                path = folder / f"{name}-{fold}-{number}.wav"
                soundfile.write(path, tone(hertz + 7 * number + 3 * fold, 1.0), RATE)
                rows.append(f"{path.name},{name},{fold}")
    manifest = folder / "clips.csv"
    manifest.write_text("\n".join(rows))
    return manifest


def labelled(folder: Path, each: int = 4) -> LabelledClips:
    return LabelledClips.from_manifest(clips_in(folder, each))


def pack_of(*texts: str, status: Status = "candidate", pack_id: str = "tones") -> PromptPack:
    entries = tuple(PackEntry(template=Template(text), status=status) for text in texts)
    return PromptPack(id=pack_id, title="Tones", provenance=Provenance(generator="hand-written"), entries=entries)


def undo(pack: PromptPack, who: str, at: datetime | None = None) -> PromptPack:
    return step(pack, "undo", who, at)


def redo(pack: PromptPack, who: str, at: datetime | None = None) -> PromptPack:
    return step(pack, "redo", who, at)
