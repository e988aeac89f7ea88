"""A Hugging Face Space: put together from what was curated, tried in a clean environment, published.

    plan = Plan("Rain or not", packs=(pack,), labels=("rain", "wind"))
    build(plan, Path("rain-or-not"))
    print(check(Path("rain-or-not")))
    push("me/rain-or-not", Path("rain-or-not"))

A Space is a folder that runs by itself: this package as it stands, the packs, heads, labels and clips that were chosen,
and an ``app.py``. It holds nothing else of this machine.
"""

from audioprompt.space.check import Checked, check
from audioprompt.space.plan import Plan, SpaceError, build, files, sizes
from audioprompt.space.push import push, pushed

__all__ = ["Checked", "Plan", "SpaceError", "build", "check", "files", "push", "pushed", "sizes"]
