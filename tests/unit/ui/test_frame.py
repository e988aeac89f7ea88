"""What the page's frame does before any browser opens it."""

import subprocess
import sys

import gradio as gr
import pytest
from gradio import routes

from audioprompt.server.gradio_patches import pages
from audioprompt.ui import app, frame
from audioprompt.ui.tabs import TITLES


def test_every_text_field_has_a_name_of_its_own() -> None:
    fields = [block for block in app.build().blocks.values() if isinstance(block, gr.Textbox)]
    assert len(fields) > 5
    assert [field.elem_id for field in fields if not field.label] == []


@pytest.mark.slow
def test_the_page_waits_for_nothing_heavy() -> None:
    code = "import sys, audioprompt.ui.app\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "gradio" in loaded
    assert not {"torch", "transformers", "scipy", "sklearn", "mcp", "matplotlib", "safetensors"} & set(loaded)


def test_the_script_comes_first_and_once() -> None:
    frame.install(TITLES)
    frame.install(TITLES)
    env = routes.templates.env
    for name in pages.TEMPLATES:
        assert env.loader is not None
        source = env.loader.get_source(env, name)[0]
        assert source.count("window.audioprompt =") == 1
        assert source.index("window.audioprompt =") < source.index("gradio_config")
        assert '"learn": "Learn (PALM)"' in source
