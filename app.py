"""Open the app: ``python app.py``. A Hugging Face Space starts here too."""

import os

from audioprompt import hosting

if __name__ == "__main__":
    hosting.prepare()  # before anything asks for a folder or a GPU
    from audioprompt.ui.app import launch

    launch(host=hosting.address(), open_browser="SPACE_ID" not in os.environ)
