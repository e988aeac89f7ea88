"""What the Publish tab shows, as HTML: the Space as it will look, its files, and how far it is on its way.

Every text that a person or a file wrote is escaped here.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audioprompt.data.examples import Example, spread
from audioprompt.ui import markup
from audioprompt.ui.header import PURPOSE
from audioprompt.util.text import counted, joined

if TYPE_CHECKING:
    from audioprompt.space import Plan

CHIPS = 9  # examples at hand on the Space's page
NO_HEADS = "None yet: fit one in Learn and press Use it now, or add one that was saved."
HUB_COLOURS = {  # of a Space's card: the hub has names for them
    "red": "#dc2626", "yellow": "#ca8a04", "green": "#16a34a", "blue": "#2563eb", "indigo": "#4f46e5",
    "purple": "#9333ea", "pink": "#db2777", "gray": "#4b5563",
}  # fmt: skip


# --- what can be chosen -----------------------------------------------------------------------------------------------


def head_choices(heads: Mapping[str, Path]) -> list[tuple[str, str]]:
    """Heads as a list to choose from: what is shown, and the name."""
    from audioprompt.few_shot.heads import read_record

    records = {name: read_record(place) for name, place in heads.items()}
    return [(f"{markup.head_name(record)} ({record.model})", name) for name, record in records.items()]


def clip_choices(clips: Mapping[str, Example]) -> list[tuple[str, str]]:
    return [(clip.title, name) for name, clip in clips.items()]


def examples_heading(chosen: Mapping[str, Any]) -> str:
    return f"Examples ({len(chosen['examples'])})"


# --- the preview ------------------------------------------------------------------------------------------------------


def preview(plan: Plan) -> str:
    """A Space as it is listed on the hub, and its page as it opens; and its card, word for word."""
    from huggingface_hub import SpaceCard

    from audioprompt.space.plan import readme

    text = readme(plan)
    card = SpaceCard(text).data.to_dict()
    start, end = (HUB_COLOURS.get(name, HUB_COLOURS["gray"]) for name in (card["colorFrom"], card["colorTo"]))
    facts = "".join(f"<span>{escape(fact)}</span>" for fact in (f"Gradio {card['sdk_version']}", card["license"]))
    return (
        f'<div class="preview"><div class="listed" style="background:linear-gradient(135deg,{start},{end})">'
        f'<div class="facts">{facts}</div><div class="title">{escape(card["title"])} {escape(card["emoji"])}</div>'
        f"<div>{escape(card['short_description'])}</div></div>"
        f"{_page(plan)}</div>"
        f"<details><summary>README.md, the Space's card</summary><pre>{escape(text)}</pre></details>"
    )


def _page(plan: Plan) -> str:
    """The first page, as far as it is of this Space alone."""
    clips = spread(plan.clips)
    labels = plan.first_labels or (clips[0].labels if clips else ())
    packs = [f"{pack.title} ({len(pack.approved)})" for pack in plan.packs]
    heads = [markup.head_name(record) for record in plan.records.values()]
    more = f" and {len(clips) - CHIPS} more" if len(clips) > CHIPS else ""
    chips = "".join(f"<i>{escape(clip.title)}</i>" for clip in clips[:CHIPS])
    rows = {
        "Examples": chips + more,
        "Labels": escape(joined(labels)),
        "Prompts": escape(", ".join(packs)),
        "Learned head": escape(joined(heads)),
        "Tabs": escape(", ".join(tab.capitalize() for tab in plan.tabs)),
    }
    return (
        f'<div class="page"><div class="top"><span><b>{escape(plan.title)}</b> <small>{escape(PURPOSE)}</small></span>'
        f'<span class="model">{escape(plan.model)}</span></div>'
        f"<dl>{''.join(f'<dt>{name}</dt><dd>{shown}</dd>' for name, shown in rows.items() if shown)}</dl></div>"
    )


# --- files ------------------------------------------------------------------------------------------------------------


def files(sizes: Mapping[str, int]) -> str:
    """The files of a Space with their sizes: all together, then folder by folder."""
    folders: dict[str, dict[str, int]] = {}
    for path, size in sizes.items():
        folders.setdefault(_folder(path), {})[path] = size
    rows = "".join(_group(name, held) for name, held in folders.items())
    total = _row("In all", len(sizes), sum(sizes.values()))
    return f'<div class="files"><div class="row total">{total}</div>{rows}</div>'


def _folder(path: str) -> str:
    """What a file is listed under: the package as a whole, other folders two deep, itself where it is in none."""
    folders = path.split("/")[:-1]
    return "/".join(folders[: 1 if folders[0] == "audioprompt" else 2]) + "/" if folders else path


def _group(name: str, held: Mapping[str, int]) -> str:
    row = _row(name, len(held) if name.endswith("/") else None, sum(held.values()))
    if not name.endswith("/"):
        return f'<div class="row">{row}</div>'
    inside = "".join(
        f'<div class="row">{_row(path.removeprefix(name), None, size)}</div>' for path, size in held.items()
    )
    return f'<details><summary class="row">{row}</summary>{inside}</details>'


def _row(name: str, count: int | None, size: int) -> str:
    files = "" if count is None else counted(count, "file")
    return f"<span>{escape(name)}</span><span>{files}</span><span>{_weight(size)}</span>"


def _weight(size: int) -> str:
    return megabytes(size) if size >= 1_000_000 else f"{size / 1000:.1f} kB"


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


# --- on its way -------------------------------------------------------------------------------------------------------


def building(done: int, total: int) -> str:
    """How many files have been written."""
    return _working(f"Building: {done} of {total} files", done / total)


def packing(sizes: Mapping[str, int]) -> str:
    return _working(f"Packing {_counted(sizes)} as a zip", 1)


def uploading(sizes: Mapping[str, int], seconds: float) -> str:
    return _working(f"Uploading {_counted(sizes)}, for {seconds:.0f} s by now", 1)


def built(folder: Path | None, sizes: Mapping[str, int]) -> str:
    """Where the Space is, and what to do with it."""
    if folder is None:
        return f'<div class="done" role="status">Built: {_counted(sizes)}. Here it is as a zip.</div>'
    place = escape(str(folder))
    return (
        f'<div class="done" role="status">Built {_counted(sizes)} in <code>{place}</code>. '
        f"Try it with <code>audioprompt space check {place}</code>.</div>"
    )


def pushed(address: str, public: bool) -> str:
    """Where on the hub the Space is."""
    link = escape(address)
    seen = "everybody sees it" if public else "only you see it, until its settings there say otherwise"
    return (
        f'<div class="done" role="status">Published at <a href="{link}" target="_blank" rel="noopener">{link}</a>. '
        f"If it is new, {seen}.</div>"
    )


def _counted(sizes: Mapping[str, int]) -> str:
    return f"{len(sizes)} files, {megabytes(sum(sizes.values()))}"


def _working(words: str, share: float) -> str:
    return (
        f'<div class="working"><span role="status">{escape(words)}</span>'
        f'<div class="track"><i style="width:{100 * min(share, 1):.1f}%"></i></div></div>'
    )
