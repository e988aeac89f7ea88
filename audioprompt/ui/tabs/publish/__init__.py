"""The Publish tab: what was curated and learned goes out as a Space, into a folder or to the hub."""

from typing import Any

import gradio as gr

from audioprompt.server import sessions
from audioprompt.space.belongings import Belongings
from audioprompt.space.choices import FIELDS
from audioprompt.ui.events import INSTANT, LAST, Form, Parts
from audioprompt.ui.page import Page
from audioprompt.ui.tabs.publish import choose, send
from audioprompt.ui.tabs.publish.layout import lay_out

SLOW: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "publish",
    "concurrency_limit": send.WORKERS,
}
# what adds to the choices does so one after the other, or the later answer would take away what came first
IN_TURN: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "concurrency_id": "publish-own",
    "concurrency_limit": 1,
}


def build(page: Page, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    held = gr.State(Belongings(sessions.temporary), delete_callback=Belongings.forget)
    parts = lay_out() | Parts(kept=page.space, belongings=held)
    kept, drawn = page.space, parts.only(*choose.DRAWN)

    page.head.change(
        **parts.only("kept", "belongings").told_by(choose.take_head, [kept, held, page.head, page.collection]),
        **IN_TURN,
    )
    opened = drawn | parts.only("belongings", "advice", "token")
    inputs = [kept, held, page.pack, page.collection, page.sound, page.labels]
    tab.select(**opened.told_by(choose.open_choices, inputs), **IN_TURN)
    fields = Form(dict, **{name: parts[name] for name in FIELDS})
    gr.on(
        [parts[name].input for name in FIELDS],
        **parts.only("kept", "clips_fold", "preview", "files").told_by(choose.change, [kept, held, fields]),
        **INSTANT,
        **LAST,
    )
    brought = drawn | parts.only("belongings", "note")
    upload = parts["upload"]
    upload.upload(**brought.told_by(choose.bring, [kept, held, upload], problem="note"), **IN_TURN, **LAST)
    _wire_ways_out(parts)


def _wire_ways_out(parts: Parts) -> None:
    kept, held, folder, name, token = (parts[one] for one in ("kept", "belongings", "folder", "name", "token"))
    parts["ask_folder"].click(None, js="() => audioprompt.choose('publish', 'folder', '#publish-where')", **INSTANT)
    parts["ask_hub"].click(None, js="() => audioprompt.choose('publish', 'hub', '#publish-name')", **INSTANT)
    gr.on(
        [parts["build"].click, folder.submit],
        **parts.only("built", "download").told_by(send.build_space, [kept, held, folder], problem="built"),
        **SLOW,
    )
    gr.on(
        [parts["push"].click, name.submit, token.submit],
        **parts.only("pushed", "token").told_by(
            send.push_space, [kept, held, name, parts["public"], token], problem="pushed"
        ),
        **SLOW,
    )
