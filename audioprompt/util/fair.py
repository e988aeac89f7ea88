"""Room for what several people keep: whoever wants more makes room first, then whoever has most."""

from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

K = TypeVar("K")


def to_make_room(kept: Mapping[K, str], most: int, most_each: int) -> list[K]:
    """Which of the things that are kept have to go, now that another has come.

    >>> to_make_room({"old": "ann", "other": "ben", "new": "ann"}, most=2, most_each=2)
    ['old']

    Args:
        kept: whose each thing is, the one used longest ago first and the new one last; "" stands for the house itself,
            which has no share and gives way last.
        most: things in all.
        most_each: things of one person.
    """
    others, owner = list(kept)[:-1], list(kept.values())[-1]
    gone: list[K] = []
    while others:
        counts = Counter(kept[one] for one in others)
        if owner and counts[owner] >= most_each:
            gives_way = owner
        elif len(others) >= most:
            people = {name: count for name, count in counts.items() if name}
            gives_way = owner if owner in people else max(people, key=people.__getitem__, default="")
        else:
            break
        gone.append(next(one for one in others if kept[one] == gives_way))
        others.remove(gone[-1])
    return gone
