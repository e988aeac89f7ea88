"""What the page's frame does before any browser opens it."""

import re
from pathlib import Path

import gradio as gr
from gradio import routes

from audioprompt.ui import app, frame


def test_every_text_field_has_a_name_of_its_own() -> None:
    fields = [block for block in app.build().blocks.values() if isinstance(block, gr.Textbox)]
    assert len(fields) > 5
    assert [field.elem_id for field in fields if not field.label] == []


def test_the_script_comes_first_and_once() -> None:
    frame.install()
    frame.install()
    env = routes.templates.env
    for name in frame.TEMPLATES:
        assert env.loader is not None
        source = env.loader.get_source(env, name)[0]
        assert source.count("window.audioprompt =") == 1
        assert source.index("window.audioprompt =") < source.index("gradio_config")
        assert '"learn": "Learn (PALM)"' in source


def test_scripts_without_the_fault_are_left_alone(tmp_path) -> None:
    (tmp_path / "Walkthrough-1.js").write_text(f"t[s]{frame.ENDLESS}", "utf-8")
    (tmp_path / "Walkthrough-2.js").write_text("nothing", "utf-8")
    (tmp_path / "Blocks-1.js").write_text(f"{frame.ALL_AGAIN};{frame.ALL_AGAIN}", "utf-8")
    assert frame.mended_assets(tmp_path) == {
        "Walkthrough-1.js": f"t[s]{frame.ENDING}",
        "Blocks-1.js": f"{frame.IT_AGAIN};{frame.IT_AGAIN}",
    }


def test_the_gradio_that_is_here_is_mended() -> None:
    mended = frame.mended_assets(Path(routes.STATIC_TEMPLATE_LIB) / "frontend" / "assets")
    assert {re.split(r"[.-]", name)[0] for name in mended} == {"Walkthrough", "Blocks"}
    assert not any(frame.ALL_AGAIN in script or frame.ENDLESS in script for script in mended.values())
