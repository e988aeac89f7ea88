"""The app: header, tabs, and the start of the server."""

import os
import warnings
from collections.abc import Iterator
from functools import partial
from threading import Thread

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before Gradio reads it
# Torch's threads shall sleep while they wait, not spin: on a busy machine that is 50 ms for an answer instead of 1 s.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import gradio as gr

from audioprompt.ui import classify, markup, theme

PURPOSE = "Name any sound with words: no training, and prompts you can measure."
LARGEST_FILE = "50mb"
CACHE_SECONDS = 3600  # how long uploads and microphone chunks stay on disk


def build(model: str = "embedded") -> gr.Blocks:
    """The page, with everything wired, not yet launched."""
    with gr.Blocks(title="audioprompt", analytics_enabled=False, delete_cache=(CACHE_SECONDS, CACHE_SECONDS)) as page:
        with gr.Row(elem_id="header"):
            gr.HTML(f'<span class="name">audioprompt</span><span class="purpose">{PURPOSE}</span>')
            state = gr.HTML(markup.model_state(model, "", "loading"), elem_id="model-state")
        with gr.Tabs(), gr.Tab("Classify"):
            classify.build(page, model)
        page.load(partial(follow_model, model), None, state, show_progress="hidden", api_visibility="private",
                  concurrency_limit=None)  # fmt: skip
    return page


def follow_model(name: str) -> Iterator[str]:
    """The model's state line: loading, then ready or what is wrong."""
    yield markup.model_state(name, "", "loading")
    try:
        device = classify.shared_model(name).device
    except RuntimeError as error:
        yield markup.model_state(name, "", "failed", str(error))
    else:
        yield markup.model_state(name, device.upper() if device == "cpu" else device, "ready")


def launch(
    host: str = "127.0.0.1",
    port: int | None = None,
    model: str = "embedded",
    open_browser: bool = True,
    share: bool = False,
) -> None:
    """Serve the page until interrupted.

    Args:
        host: the address to listen on; "0.0.0.0" for all.
        port: None for the first free one from 7860 on.
        model: which model answers; it loads while the page is being opened.
        open_browser: whether to open the page in the browser.
        share: whether to make a public link through Gradio's own service.
    """
    page = build(model)
    Thread(target=warm, args=[model], daemon=True).start()
    warnings.filterwarnings("ignore", message=".*HTTP_422_UNPROCESSABLE")  # Gradio's own
    _, address, public_address = page.launch(
        server_name=host, server_port=port, inbrowser=open_browser, share=share, theme=theme.THEME, css=theme.CSS,
        footer_links=["api"], max_file_size=LARGEST_FILE, show_error=True, quiet=True, prevent_thread_lock=True,
    )  # fmt: skip
    print(f"audioprompt is at {public_address or address} (stop with Ctrl+C)", flush=True)
    page.block_thread()


def warm(model: str) -> None:
    """Load a model before the first visitor needs it; if it cannot be loaded, the page says so."""
    try:
        classify.shared_model(model)
    except RuntimeError:
        return
