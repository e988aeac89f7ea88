"""How sounds come into the page: chosen, dropped or pasted, whatever the browser takes them for.

Gradio hands on only what the browser calls audio or what bears one of a list of endings, and so refuses recordings
that phones and browsers make (WebM, MOV, 3GP) and `audioprompt.audio` reads. What a file holds is for that to say.
"""

from audioprompt.data.layouts import SOUNDS

# Where sounds are taken, by tab; the one that is seen takes what is dropped or pasted anywhere in the page.
PLACES = ("#sound", "#explore-files", "#explore-like", "#learn-upload", "#publish-upload")
BESIDES = {"#explore-files": [".zip"], "#publish-upload": [".zip", ".safetensors"]}  # what is taken besides sounds
SHOWN = {  # by a file chooser at first; everything else can be chosen all the same
    place: ",".join(["audio/*", "video/*", *sorted(SOUNDS), *BESIDES.get(place, [])]) for place in PLACES
}
