"""Measure the house: how long its files and functions are, and what stands in Python that belongs elsewhere.

python -m tools.house           print all figures
python -m tools.house --check   fail where something is there that must not be; part of `make lint`
"""

import argparse
import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE, TESTS, OTHERS = ROOT / "audioprompt", ROOT / "tests", (ROOT / "benchmarks", ROOT / "tools")
MAX_FILE_LINES, MAX_FUNCTION_LINES = 450, 60
SHOWN = 8  # of the longest files and functions

TAG = re.compile(
    r"<(?:/?(?:[abipu]|div|span|table|thead|tbody|t[rdh]|ul|ol|li|h[1-6]|svg|path|button|em|small|br|pre|mark"
    r"|details|summary|figure|figcaption|section|audio|script|style|circle|line|text|dl|d[td]))(?:\s[^<]*)?>"
)
CSS = re.compile(r"[\w\])]\s*\{\s*[a-z-]+:\s?[^{}\"']+;")
SCRIPT = re.compile(r"=>\s*\{|\bconst \w+ =|\bdocument\.\w+|\baddEventListener\(|\bfunction \w*\(")

# Where such strings are meant, and why.
TAGS_MEANT = {
    "audioprompt/ui/charts.py": "plotly reads these few tags in the text of a figure",
    "audioprompt/server/gradio_patches/pages.py": "the script goes into the head of Gradio's own page",
}
SCRIPTS_MEANT: Mapping[str, str] = {}

STATEFUL = {  # what a module that calls one of these at its top keeps for all who import it
    "dict",
    "list",
    "set",
    "deque",
    "defaultdict",
    "OrderedDict",
    "WeakValueDictionary",
    "WeakKeyDictionary",
    "Lock",
    "RLock",
    "ThreadPoolExecutor",
    "Jobs",
    "Recent",
    "Turns",
}


@dataclass(frozen=True)
class Place:
    """Something in the code.

    Attributes:
        path: of the file.
        line: where it begins.
        what: it is.
    """

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


@dataclass(frozen=True)
class Source:
    """One file of Python, read."""

    path: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        return self.text.count("\n")


def sources(folder: Path = PACKAGE) -> list[Source]:
    """Read all Python below a folder."""
    return [
        Source(path.relative_to(ROOT).as_posix(), text := path.read_text("utf-8"), ast.parse(text))
        for path in sorted(folder.rglob("*.py"))
    ]


def lines_by_package(files: list[Source]) -> Counter[str]:
    """Count the lines of each package, those directly in the top one under its own name."""
    counts: Counter[str] = Counter()
    for file in files:
        counts[file.path.rpartition("/")[0].removeprefix("audioprompt/")] += file.lines
    return counts


def functions(file: Source) -> Iterator[Place]:
    """All functions with their lengths, docstrings included."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            yield Place(file.path, node.lineno, f"{length} {node.name}")


def strings(file: Source) -> Iterator[tuple[int, str]]:
    """All strings but docstrings, those with values in them as one, with the lines where they begin."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    parts: set[int] = set()
    for node in ast.walk(file.tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            parts.add(id(node.body[0].value))  # type: ignore[attr-defined]
        if isinstance(node, ast.JoinedStr):
            parts.update(map(id, node.values))
            yield node.lineno, "".join(str(one.value) if isinstance(one, ast.Constant) else "0" for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.lineno, node.value


def found(file: Source, pattern: re.Pattern[str], meant: Mapping[str, str]) -> Iterator[Place]:
    """Strings with something in them that is not meant to be there."""
    if file.path not in meant:
        yield from (Place(file.path, line, text.strip()[:60]) for line, text in strings(file) if pattern.search(text))


def skips(file: Source) -> Iterator[Place]:
    """Lines that the formatter is to leave alone."""
    for number, line in enumerate(file.text.splitlines(), 1):
        if re.search(r"  # fmt: ?(skip|off)$", line):
            yield Place(file.path, number, line.strip()[:60])


def state(file: Source) -> Iterator[Place]:
    """What a module keeps for all who import it and can change: collections that begin empty, locks, pools."""
    for node in file.tree.body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        empty = (isinstance(value, ast.Dict) and not value.keys) or (isinstance(value, ast.List) and not value.elts)
        if isinstance(value, ast.Call) and not (
            isinstance(value.func, ast.Attribute) and isinstance(value.func.value, ast.Call)
        ):
            called = ast.unparse(value.func).rpartition(".")[2].partition("[")[0]
            empty = called in STATEFUL and not (called in ("dict", "list", "set") and value.args)
        if empty:
            yield Place(file.path, node.lineno, ast.unparse(node)[:60])


def main() -> int:
    """Print the figures, or check those that are to be zero."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="print only what must not be there, and fail for it")
    files = sources()
    every = [*files, *sources(TESTS), *(file for folder in OTHERS for file in sources(folder))]
    forbidden = {
        "HTML tags in strings": [place for file in files for place in found(file, TAG, TAGS_MEANT)],
        "CSS in strings": [place for file in files for place in found(file, CSS, SCRIPTS_MEANT)],
        "JavaScript in strings": [place for file in files for place in found(file, SCRIPT, SCRIPTS_MEANT)],
        "lines with fmt: skip": [place for file in every for place in skips(file)],
    }
    if parser.parse_args().check:
        places = [place for name in CHECKED for place in forbidden[name]]
        print(*places, sep="\n", end="\n" if places else "")
        return bool(places)
    total = sum(file.lines for file in files)
    tests = sum(file.lines for file in every if file.path.startswith("tests/"))
    print(f"{total:6,} lines of Python in the package, {tests:,} in the tests")
    for name, lines in lines_by_package(files).most_common():
        print(f"{lines:6,} {name}")
    _show("files", MAX_FILE_LINES, [(file.lines, file.path) for file in files])
    lengths = [(int(place.what.split()[0]), str(place)) for file in files for place in functions(file)]
    _show("functions", MAX_FUNCTION_LINES, lengths)
    for name, places in {**forbidden, "module-level state": [one for file in files for one in state(file)]}.items():
        where = Counter(place.path for place in places).most_common(SHOWN)
        print(f"{len(places):6,} {name}" + (f": {', '.join(f'{path} {n}' for path, n in where)}" if where else ""))
    return 0


CHECKED = (
    "HTML tags in strings",
    "CSS in strings",
    "JavaScript in strings",
    "lines with fmt: skip",
)  # by --check: the counts that have come down to zero


def _show(kind: str, most: int, measured: list[tuple[int, str]]) -> None:
    longer = sorted((one for one in measured if one[0] > most), reverse=True)
    print(f"{len(longer):6,} {kind} longer than {most} lines{':' if longer else ''}")
    for lines, name in longer[:SHOWN]:
        print(f"       {lines:4} {name}")


if __name__ == "__main__":
    sys.exit(main())
