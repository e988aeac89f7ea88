"""What is known of the papers' data sets before any file of them is there."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from audioprompt.data.tables import DataError
from audioprompt.settings import DATA, cache_folder
from audioprompt.util.registry import Registry


@dataclass(frozen=True)
class Layout:
    """How the files of a data set lie as its authors publish it.

    Attributes:
        files: what the path of each recording ends with; the groups ``label``, ``fold``, ``group`` and ``split`` say
            what it tells.
        example: such a path, for messages.
        metadata: a table beside the recordings: the end of its path as ``file``, the titles of its ``columns`` where it
            has none, and which of them hold the ``name`` of a recording, its ``label``, ``fold`` and ``group``. Without
            ``name`` it is JSON whose keys are the names.
        lists: files that name the recordings of a part of the data: of a split, or of a fold by its number.
    """

    files: str
    example: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.files, re.IGNORECASE)


@dataclass(frozen=True)
class PaperSet:
    """A data set as a paper uses it.

    Attributes:
        name: ``paper:set``, as people give it to commands.
        title: what the paper's table calls it.
        corpus: what its folder is called; several uses may be of the same files.
        category: of TSPE's five, whose prompts suit it.
        labels: the class names in the paper's words, by the codes that file names and metadata have.
        layout: how its files lie.
        home: where its authors publish it.
        licence: under which.
        clips: recordings that are used; 0 where that is not known.
        gigabytes: that its files take.
        how_to_get: ``hub``, ``zenodo`` with ``file``, ``url``, or ``manual`` with what to do.
        label_group: the group of ``layout.files`` that is the class here.
        part: the only split that is used; empty for all.
        absent: classes that the paper names though this part has no clip of them.
    """

    name: str
    title: str
    corpus: str
    category: str
    labels: Mapping[str, str]
    layout: Layout
    home: str
    licence: str
    clips: int
    gigabytes: float
    how_to_get: Mapping[str, str]
    label_group: str = "label"
    part: str = ""
    absent: tuple[str, ...] = ()

    @property
    def paper(self) -> str:
        """``tspe`` or ``palm``."""
        return self.name.partition(":")[0]

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, sorted, as the papers' code has them."""
        return tuple(sorted(set(self.labels.values())))

    @property
    def hub_name(self) -> str:
        """What the folder of the copy on the Hugging Face hub is called; empty where there is none."""
        return self.how_to_get.get("hub", "").rpartition("/")[2]

    def label_of(self, code: str) -> str | None:
        """Return the class that a code or a name in a table means; None for one that is not used."""
        plain = _plain(code)
        by_code = {_plain(known): label for known, label in self.labels.items()}
        return by_code.get(plain) or {_plain(label): label for label in self.labels.values()}.get(plain)


def _plain(text: str) -> str:
    return " ".join(text.replace("_", " ").casefold().split())


def _entries() -> list[PaperSet]:
    known = json.loads(Path(__file__).with_name("sets.json").read_text("utf-8"))
    return [_entry(use, known["corpora"][use["corpus"]]) for use in known["uses"]]


def _entry(use: Mapping[str, Any], corpus: Mapping[str, Any]) -> PaperSet:
    coded = use.get("labels") or corpus["labels"]
    labels = {str(code): name for code, name in (coded if isinstance(coded, dict) else dict(enumerate(coded))).items()}
    classes, wording = use.get("classes"), use.get("wording", {})
    labels = {code: wording.get(name, name) for code, name in labels.items() if classes is None or name in classes}
    layout = Layout(corpus["files"], corpus["example"], corpus.get("metadata", {}), corpus.get("lists", {}))
    return PaperSet(
        use["name"],
        use["title"],
        use["corpus"],
        use["category"],
        labels,
        layout,
        corpus["home"],
        corpus["licence"],
        use.get("clips", corpus["clips"]),
        use.get("gigabytes", corpus["gigabytes"]),
        how_to_get={"hub": use["hub"]} if "hub" in use else corpus["get"],
        label_group=use.get("field", "label"),
        part=use.get("part", ""),
        absent=tuple(use.get("absent", ())),
    )


PAPER_SETS = Registry("data set", "audioprompt.datasets", PaperSet, _entries(), DataError)


def data_folder(given: Path | None = None) -> Path:
    """Where data sets lie, each in its folder: the folder given, ``AUDIOPROMPT_DATA``, or in the user's caches."""
    return given or (Path(DATA.value).expanduser() if DATA else cache_folder() / "datasets")


def find_folder(one: PaperSet, root: Path) -> Path | None:
    """Return the folder of a data set, called after its use, the hub's copy or the set itself; None without one."""
    names = (one.name.replace(":", "-"), one.hub_name, one.corpus)
    return next((root / name for name in names if name and (root / name).is_dir()), None)
