"""``python -m audioprompt`` is the ``audioprompt`` command."""

from audioprompt.cli import app

app(prog_name="audioprompt")
