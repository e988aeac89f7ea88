"""Read the names that labels are held against once for all: ``names.safetensors``, beside the model's own files.

    python -m tools.embedded.names assets/embedded

Without it every first answer on a machine waits for some seven hundred texts to go through the text tower.
"""

import json
import sys
from pathlib import Path

from safetensors.torch import save_file

from audioprompt.models.background import audioset_names, names_meant
from audioprompt.models.embedded import NAMES, TEXT_DIM, EmbeddedModel


def main() -> None:
    folder = Path(sys.argv[1])
    (folder / NAMES).unlink(missing_ok=True)  # or what it holds would be written again
    model, names = EmbeddedModel("cpu", folder), audioset_names()
    texts = sorted({*names, *names_meant(names)})
    read = model.embed_text(texts)[:, :TEXT_DIM].contiguous()
    save_file({"names": read}, folder / NAMES, {"revision": model.revision, "texts": json.dumps(texts)})


if __name__ == "__main__":
    main()
