"""Texts from elsewhere in one line: names of files, labels, what other programs say."""

import re


def one_line(text: str) -> str:
    """Collapse each run of blanks, line ends, control characters and lone surrogates to one blank, and trim.

    Control characters include those that turn the direction of all text behind them, with which a name can pass for
    another one; right-to-left scripts need none of them, and marks between letters stay.
    """
    return _BLANKS.sub(" ", text).strip()


_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
