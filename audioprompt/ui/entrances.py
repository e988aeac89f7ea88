"""How sounds come into the page: chosen, dropped or pasted, whatever the browser takes them for.

Gradio hands on only what the browser calls audio or what bears one of a list of endings, and so refuses recordings
that phones and browsers make (WebM, MOV, 3GP) and `audioprompt.audio` reads. What a file holds is for that to say.
"""

from pathlib import Path, PurePath

from audioprompt.data.layouts import SOUNDS

# Where sounds are taken, by tab; the one that is seen takes what is dropped or pasted anywhere in the page.
PLACES = ("#sound", "#explore-files", "#explore-folder", "#explore-like", "#learn-upload", "#publish-upload")
BESIDES = {  # what is taken besides sounds
    "#explore-files": [".zip"],
    "#explore-folder": [".zip"],
    "#publish-upload": [".zip", ".safetensors"],
}
MOST = 20_000  # recordings that a page takes; the shell takes any number
BETWEEN = "\u2215"  # a fraction's stroke, for the slash between folders: the name of an upload may hold none
SHOWN = {  # by a file chooser at first; everything else can be chosen all the same
    place: ",".join(["audio/*", "video/*", *sorted(SOUNDS), *BESIDES.get(place, [])]) for place in PLACES
}


def place_of(upload: Path) -> PurePath:
    """Return where an upload lay in the folder that was dropped or chosen; its name where it was given by itself."""
    parts = [part for part in upload.name.split(BETWEEN) if part.strip(".")]  # none that leads out of a folder
    return PurePath(*parts or ["recording"])
