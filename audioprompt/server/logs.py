"""What whoever runs a public page can see of it: starts, models, sign-ins, refusals, evictions and failures.

Each module logs under its own name. No line holds a secret, a label, a prompt or anything of a sound.
"""

import logging

NAME = "audioprompt"
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def begin(public: bool) -> None:
    """Write the log to standard error, unless this process has a place for it already.

    Args:
        public: whether strangers may come: then everything is logged, else warnings alone.
    """
    ours = logging.getLogger(NAME)
    if ours.level == logging.NOTSET:
        ours.setLevel(logging.INFO if public else logging.WARNING)
    for silent in [one for one in ours.handlers if isinstance(one, logging.NullHandler)]:
        ours.removeHandler(silent)
    if not ours.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(FORMAT))
        ours.addHandler(handler)
