"""What the page's frame does before any browser opens it."""

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
    assert frame.mended_assets(tmp_path) == {"Walkthrough-1.js": f"t[s]{frame.ENDING}"}
