"""What the host of a Hugging Face Space offers: an address, storage that outlives a restart, GPUs lent by the call."""

import os
from pathlib import Path

from audioprompt.settings import SERVER_NAME, on_a_space

STORAGE = Path("/data")  # where a Space's persistent storage is, if it has any
TABS = ("classify", "explore", "generate", "curate", "learn")  # of the page, those that visitors of a Space can use
FOLDERS = {"AUDIOPROMPT_STORE": "prompt_store", "AUDIOPROMPT_CACHE": "cache", "HF_HOME": "huggingface"}


def prepare(storage: Path = STORAGE) -> None:
    """Use what there is; to be called first, for folders and GPUs are looked for at import.

    In the storage go what curators decide, over the packs that the Space came with; embeddings; and downloads.
    """
    if on_a_space() and os.access(storage, os.W_OK):
        for variable, folder in FOLDERS.items():
            os.environ.setdefault(variable, str(storage / folder))
    from audioprompt.models import zero_gpu

    if zero_gpu.present():
        zero_gpu.borrowing()


def address() -> str:
    """Return the address to listen on: on a Space every one, elsewhere this machine's own."""
    return os.environ.get(SERVER_NAME.name, "0.0.0.0" if on_a_space() else "127.0.0.1")
