"""Heads and clips of one open page, that can go into a Space beside what comes with audioprompt."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

from audioprompt.audio.decode import load
from audioprompt.core.labels import LabelError, parse_labels
from audioprompt.data import LabelledClips
from audioprompt.data.archives import DAMAGE
from audioprompt.data.examples import Example, examples
from audioprompt.few_shot.settings import FewShotError
from audioprompt.services.heads import HEADS
from audioprompt.space.plan import names
from audioprompt.util.held import Held
from audioprompt.util.places import is_file
from audioprompt.util.text import one_line

OF_EACH_CLASS = 2  # clips of the Learn tab that are offered as examples
HEARD_AT = 16_000  # Hz, to see whether a clip is one
MAX_SECONDS = 600  # of a clip


@dataclass(frozen=True)
class Own:
    """What one page was given.

    Attributes:
        heads: the folder of each, by a name.
        clips: those that were brought here, by a name.
        recorded: clips of the Learn tab, and the one in Classify, by a name.
    """

    heads: Mapping[str, Path] = field(default_factory=dict)
    clips: Mapping[str, Example] = field(default_factory=dict)
    recorded: Mapping[str, Example] = field(default_factory=dict)

    @property
    def offered(self) -> dict[str, Example]:
        """The clips to choose from, by name: the page's own, whose labels will be the Space's, and those bundled."""
        return {**self.clips, **self.recorded, **{example.path.stem: example for example in examples()}}


class Belongings(Held[Own]):
    """What one page was given, with its files.

    Args:
        place: returns the folder in which these are kept as long as the page is open.
    """

    def __init__(self, place: Callable[[], Path]) -> None:
        super().__init__(Own(), place)

    def take_head(self, head_id: str) -> bool:
        """Keep a head that was fitted on this page, as files, and return whether it is there and was not before."""
        kept = HEADS.get(head_id)

        def saved(now: Own) -> Own:
            if kept is None or head_id in now.heads:
                return now
            place = self._free(f"{kept.head.method} {' '.join(kept.head.classes[:3])}")
            kept.save_pretrained(place)
            return replace(now, heads={**now.heads, head_id: place})

        with self._lock:
            before = self.now
            return self.change(saved) is not before

    def bring(self, file: Path) -> Own:
        """Take a file: a saved head, or a clip to try.

        Raises:
            AudioError: it is no sound.
            FewShotError: it is no head.
            OSError: it cannot be kept.
        """
        if file.suffix.lower() in (".zip", ".safetensors"):
            with self._lock:
                place = _unpack_head(file, self._free(file.stem))
            return self.change(lambda now: replace(now, heads={**now.heads, place.name: place}))
        load(file, HEARD_AT, max_seconds=MAX_SECONDS)
        with self._lock:
            place = self._free(file.stem) / file.name
            place.parent.mkdir()
        shutil.copyfile(file, place)
        clip = Example(place, one_line(place.stem), None, (), "")
        return self.change(lambda now: replace(now, clips={**now.clips, place.parent.name: clip}))

    def offer(self, gathered: LabelledClips, sound: str | None = None, labels: str = "") -> Own:
        """Offer the clips of the Learn tab, a few of each class, and the one in Classify.

        Args:
            gathered: the clips of the Learn tab.
            sound: the clip in Classify.
            labels: what it is told apart by there, as typed.
        """
        found = _of_each_class(gathered)
        if sound and Path(sound).name not in {example.path.name for example in examples()}:
            with suppress(OSError):  # gone by now, for uploads are kept for a while only, or there is no room for it
                found["classify"] = self._of_classify(Path(sound), labels)
        return self.change(lambda now: replace(now, recorded=found))

    def _of_classify(self, sound: Path, labels: str) -> Example:
        """Return the clip in Classify, copied: the page would throw it away after a while."""
        folder = self.folder / f"heard-{sha256(str(sound).encode()).hexdigest()[:16]}"
        place = folder / sound.name
        if not is_file(place):
            folder.mkdir(exist_ok=True)
            shutil.copyfile(sound, place)
        try:
            typed = parse_labels(labels).labels
        except LabelError:
            typed = ()
        return Example(place, f"{one_line(place.stem)} (from Classify)", None, typed, "")

    def _free(self, text: str) -> Path:
        """Return a folder that is not there yet, named after a text."""
        return self.folder / names([*(path.name for path in self.folder.iterdir()), text])[-1]


def _of_each_class(gathered: LabelledClips) -> dict[str, Example]:
    found: dict[str, Example] = {}
    for name, spoken in zip(gathered.classes, gathered.spoken_classes, strict=True):
        paths = [path for path, label in zip(gathered.paths, gathered.labels, strict=True) if label == name]
        for number, path in enumerate(paths[:OF_EACH_CLASS], 1):
            title = spoken if number == 1 else f"{spoken} {number}"
            found[f"learn: {title}"] = Example(path, title, None, (), spoken)
    return found


def _unpack_head(file: Path, place: Path) -> Path:
    """Copy a head's file, or the one in the zip that Learn saves, into a new folder, and return that.

    Raises:
        FewShotError: it is none.
    """
    from audioprompt.few_shot.heads import FILE, MAX_BYTES, read_record  # with torch

    place.mkdir()
    try:
        if file.suffix.lower() == ".zip":
            with ZipFile(file) as packed, packed.open(FILE) as head:
                (place / FILE).write_bytes(head.read(MAX_BYTES + 1))
        else:
            shutil.copyfile(file, place / FILE)
        read_record(place)
    except FewShotError:
        raise
    except (*DAMAGE, KeyError, OSError) as error:
        raise FewShotError(f"{file.name} holds no head: give the zip that Learn saves, or its {FILE}.") from error
    return place
