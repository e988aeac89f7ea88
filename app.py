"""Open the app: ``python app.py``. A Hugging Face Space starts here too."""

import os

from audioprompt.ui.app import launch

if __name__ == "__main__":
    launch(host=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), open_browser="SPACE_ID" not in os.environ)
