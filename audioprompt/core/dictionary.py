"""Names of sounds in other languages and in English, offline: for models that read English alone.

They are in ``dictionary.csv``: the classes of AudioSet, the labels of the packs' presets and everyday sounds; all of
them in Chinese, most in German, French, Spanish and Japanese. Several names for one sound are separated by ``|``.
"""

import csv
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from audioprompt.core.labels import label_key

OWN_SCRIPT = ("zh", "ja")  # languages that nobody takes for English
LATIN = ("de", "fr", "es")


@cache
def english_names(language: str) -> dict[str, str]:
    """Return the English of every name in a language, by the name's `label_key`.

    >>> english_names("zh")["狗叫"]
    'dog bark'
    """
    names: dict[str, str] = {}
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name in filter(None, row[language].split("|")):
                names[label_key(name)] = row["english"]
    return names


def translate_script(label: str) -> str | None:
    """Return the English of a label in Chinese or Japanese; None where the dictionary does not have it."""
    key = label_key(label)
    return next((names[key] for names in map(english_names, OWN_SCRIPT) if key in names), None)


def translate_list(labels: Sequence[str]) -> dict[str, str]:
    """Return the English of the labels that are German, French or Spanish, by label.

    Many words are in several languages, the French "canon" is artillery. So only lists are translated, most of which
    is in one of these languages.

    >>> translate_list(["Hundegebell", "Regen", "Gurke"])
    {'Hundegebell': 'dog bark', 'Regen': 'rain'}
    >>> translate_list(["canon", "rain"])
    {}
    """
    found = [
        {label: names[label_key(label)] for label in labels if label_key(label) in names}
        for names in map(english_names, LATIN)
    ]
    best = max(found, key=len)
    return best if 2 * len(best) > len(labels) else {}
