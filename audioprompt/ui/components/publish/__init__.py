"""What the Publish tab shows: the Space as it will look, its files, and how far it is on its way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audioprompt.data.examples import Example, spread
from audioprompt.ui import markup
from audioprompt.ui.header import PURPOSE
from audioprompt.ui.render import render
from audioprompt.util.text import joined

if TYPE_CHECKING:
    from audioprompt.space import Plan

CHIPS = 9  # examples at hand on the Space's page
NO_HEADS = "None yet: fit one in Learn and press Use it now, or add one that was saved."
HUB_COLOURS = {  # of a Space's card: the hub has names for them
    "red": "#dc2626",
    "yellow": "#ca8a04",
    "green": "#16a34a",
    "blue": "#2563eb",
    "indigo": "#4f46e5",
    "purple": "#9333ea",
    "pink": "#db2777",
    "gray": "#4b5563",
}
TEMPLATE = "publish/template.html"


# --- what can be chosen -----------------------------------------------------------------------------------------------


def head_choices(heads: Mapping[str, Path]) -> list[tuple[str, str]]:
    """Heads as a list to choose from: what is shown, and the name."""
    from audioprompt.few_shot.heads import read_record

    records = {name: read_record(place) for name, place in heads.items()}
    return [(f"{markup.head_name(record)} ({record.model})", name) for name, record in records.items()]


def clip_choices(clips: Mapping[str, Example]) -> list[tuple[str, str]]:
    """List the examples as a choice: what is shown, and the id."""
    return [(clip.title, name) for name, clip in clips.items()]


def examples_heading(chosen: Mapping[str, Any]) -> str:
    """Say how many examples are chosen."""
    return f"Examples ({len(chosen['examples'])})"


# --- the preview ------------------------------------------------------------------------------------------------------


def preview(plan: Plan) -> str:
    """Return a Space as it is listed on the hub, and its page as it opens; and its card, word for word."""
    from huggingface_hub import SpaceCard

    from audioprompt.space.plan import readme

    text = readme(plan)
    card = SpaceCard(text).data.to_dict()
    colours = [HUB_COLOURS.get(card[end], HUB_COLOURS["gray"]) for end in ("colorFrom", "colorTo")]
    return render(TEMPLATE, "preview", card=card, colours=colours, page=_page(plan), readme=text)


def _page(plan: Plan) -> dict[str, Any]:
    """Return the first page, as far as it is of this Space alone."""
    clips = spread(plan.clips)
    labels = plan.first_labels or (clips[0].labels if clips else ())
    return {
        "title": plan.title,
        "purpose": PURPOSE,
        "model": plan.model,
        "examples": [clip.title for clip in clips[:CHIPS]],
        "more": max(len(clips) - CHIPS, 0),
        "facts": [
            ("Labels", joined(labels)),
            ("Prompts", ", ".join(f"{pack.title} ({len(pack.approved)})" for pack in plan.packs)),
            ("Learned head", joined([markup.head_name(record) for record in plan.records.values()])),
            ("Tabs", ", ".join(tab.capitalize() for tab in plan.tabs)),
        ],
    }


# --- files ------------------------------------------------------------------------------------------------------------


def files(sizes: Mapping[str, int]) -> str:
    """Return the files of a Space with their sizes: all together, then folder by folder."""
    folders: dict[str, dict[str, int]] = {}
    for path, size in sizes.items():
        folders.setdefault(_folder(path), {})[path] = size
    total = _file("In all", len(sizes), sum(sizes.values()))
    return render(TEMPLATE, "files", total=total, groups=[_group(name, held) for name, held in folders.items()])


def _folder(path: str) -> str:
    """Return what a file is listed under: the package as a whole, other folders two deep, itself where it is in
    none.
    """
    folders = path.split("/")[:-1]
    return "/".join(folders[: 1 if folders[0] == "audioprompt" else 2]) + "/" if folders else path


def _group(name: str, held: Mapping[str, int]) -> dict[str, Any]:
    is_folder = name.endswith("/")
    group = _file(name, len(held) if is_folder else None, sum(held.values()))
    inside = [_file(path.removeprefix(name), None, size) for path, size in held.items()] if is_folder else []
    return {**group, "files": inside}


def _file(name: str, count: int | None, size: int) -> dict[str, Any]:
    weight = megabytes(size) if size >= 1_000_000 else f"{size / 1000:.1f} kB"
    return {"name": name, "count": count, "weight": weight}


def megabytes(size: int) -> str:
    """Write a size in megabytes."""
    return f"{size / 1e6:.1f} MB"


# --- on its way -------------------------------------------------------------------------------------------------------


def building(done: int, total: int) -> str:
    """How many files have been written."""
    return markup.progress(f"Building: {done} of {total} files", done / total)


def packing(sizes: Mapping[str, int]) -> str:
    """Tell that the files are being put into a zip."""
    return markup.progress(f"Packing {_counted(sizes)} as a zip", 1)


def uploading(sizes: Mapping[str, int], seconds: float) -> str:
    """Tell that the files are on their way, and since when."""
    return markup.progress(f"Uploading {_counted(sizes)}, for {seconds:.0f} s by now", 1)


def built(folder: Path | None, sizes: Mapping[str, int]) -> str:
    """Where the Space is, and what to do with it."""
    return render(TEMPLATE, "built", what=_counted(sizes), folder=folder)


def pushed(address: str, public: bool) -> str:
    """Where on the hub the Space is."""
    seen = "everybody sees it" if public else "only you see it, until its settings there say otherwise"
    return render(TEMPLATE, "pushed", address=address, seen=seen)


def standing(problem: object) -> str:
    """Return what visitors are to do instead of publishing."""
    return render(TEMPLATE, "standing", problem=str(problem))


def _counted(sizes: Mapping[str, int]) -> str:
    return f"{len(sizes)} files, {megabytes(sum(sizes.values()))}"
