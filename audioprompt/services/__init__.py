"""What the page, the API and the shell share, each written once: no Gradio here, and no typer."""
