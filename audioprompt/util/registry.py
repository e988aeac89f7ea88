"""What can be added to: entries by name, from this package and from any other that is installed.

    >>> FRUIT = Registry("fruit", "my_package.fruit", Fruit, (APPLE, PEAR))
    >>> FRUIT["apple"] is APPLE
    True
    >>> FRUIT.names
    ('apple', 'pear')

Another package adds to it by naming an entry in its ``pyproject.toml``, under an entry point of the registry's group:

    [project.entry-points."my_package.fruit"]
    plum = "their_package:PLUM"
"""

import warnings
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from threading import RLock
from typing import Generic, Protocol, TypeVar


class Named(Protocol):
    """What a registry can hold."""

    @property
    def name(self) -> str:
        """The name that people give it by."""
        ...


Entry = TypeVar("Entry", bound=Named)


class Registry(Generic[Entry]):
    """Entries by name: the package's own in their order, then those of other packages, sorted by name.

    Other packages are looked for when an entry is asked for first. One that is broken, or takes a name that is taken,
    is left out with a warning that names it.

    Args:
        kind: what an entry is, as messages call it: "model".
        group: the entry points by which other packages add theirs.
        entry_type: the class of all entries.
        built_in: the package's own.
        error: what is raised for a name that no entry has.

    Raises:
        ValueError: two of the package's own have one name.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        entry_type: type[Entry],
        built_in: Iterable[Entry],
        error: type[Exception] = LookupError,
    ) -> None:
        self.kind, self.group, self.entry_type, self.error = kind, group, entry_type, error
        self._lock = RLock()
        self._built_in: dict[str, Entry] = {}
        self._others: dict[str, Entry] | None = None
        for entry in built_in:
            if entry.name in self._built_in:
                raise ValueError(f"Two {kind}s are called {entry.name!r}.")
            self._built_in[entry.name] = entry

    @property
    def built_in(self) -> tuple[Entry, ...]:
        """The package's own entries."""
        return tuple(self._built_in.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every entry."""
        return tuple(self._all())

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._all().values())

    def __len__(self) -> int:
        return len(self._all())

    def __contains__(self, name: object) -> bool:
        return name in self._all()

    def __getitem__(self, name: str) -> Entry:
        """Return the entry of a name.

        Raises:
            Exception: of the registry's own kind of error: there is none; the message lists those that there are.
        """
        found = self._all()
        if name not in found:
            raise self.error(f"There is no {self.kind} called {name!r}. Choose one of: {', '.join(found)}.")
        return found[name]

    def look_again(self) -> None:
        """Look for other packages anew when an entry is asked for next."""
        with self._lock:
            self._others = None

    def _all(self) -> dict[str, Entry]:
        with self._lock:
            if self._others is None:
                self._others = self._discover()
            return self._built_in | self._others

    def _discover(self) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for point in sorted(entry_points(group=self.group), key=lambda point: (point.name, point.value)):
            try:
                entry = self._load(point)
                if entry.name in self._built_in or entry.name in found:
                    raise ValueError(f"the name {entry.name!r} is taken")
            except Exception as error:  # importing other people's code can raise anything
                package = point.dist.name if point.dist else "unknown"
                warnings.warn(
                    f"The {self.kind} {point.name!r} of the package {package} is left out: {error}.", stacklevel=4
                )
            else:
                found[entry.name] = entry
        return found

    def _load(self, point: EntryPoint) -> Entry:
        entry = point.load()
        if not isinstance(entry, self.entry_type):
            raise TypeError(f"{point.value} is not a {self.entry_type.__name__}")
        return entry
