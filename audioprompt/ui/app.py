"""The app: header, tabs, and the start of the server."""

import os
import warnings

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before Gradio reads it
# Torch's threads shall sleep while they wait, not spin: on a busy machine that is 50 ms for an answer instead of 1 s.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import gradio as gr

from audioprompt.ui import classify, curate, generate, header, learn, theme

LARGEST_FILE = "50mb"
CACHE_SECONDS = 3600  # how long uploads and microphone chunks stay on disk


def build(model: str = "embedded") -> gr.Blocks:
    """The page, with everything wired, not yet launched."""
    with gr.Blocks(title="audioprompt", analytics_enabled=False, delete_cache=(CACHE_SECONDS, CACHE_SECONDS)) as page:
        picker, switched = header.build(page, model)
        head_in_hand = gr.State("")
        pack_in_hand = gr.BrowserState("", storage_key="audioprompt-pack", secret="audioprompt")
        task_in_hand = gr.BrowserState({}, storage_key="audioprompt-task", secret="audioprompt")
        with gr.Tabs() as tabs:
            with gr.Tab("Classify", id="classify") as classify_tab:
                classify.build(page, classify_tab, picker, switched, head_in_hand)
            with gr.Tab("Generate", id="generate"):
                generate.build(page, tabs, picker, pack_in_hand, task_in_hand)
            with gr.Tab("Curate", id="curate") as curate_tab:
                curate.build(page, curate_tab, picker, switched, pack_in_hand)
            with gr.Tab("Learn (PALM)", id="learn"):
                learn.build(page, tabs, picker, head_in_hand)
    return page


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
    css = theme.CSS + generate.CSS + curate.CSS + learn.CSS
    header.warm(model)
    warnings.filterwarnings("ignore", message=".*HTTP_422_UNPROCESSABLE")  # Gradio's own
    _, address, public_address = page.launch(
        server_name=host, server_port=port, inbrowser=open_browser, share=share, theme=theme.THEME, css=css,
        footer_links=["api"], max_file_size=LARGEST_FILE, show_error=True, quiet=True, prevent_thread_lock=True,
    )  # fmt: skip
    print(f"audioprompt is at {public_address or address} (stop with Ctrl+C)", flush=True)
    page.block_thread()
