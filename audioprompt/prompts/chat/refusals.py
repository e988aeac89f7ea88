"""Errors that a service, or what is in front of it, reports instead of an answer: what is to blame, and in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from math import ceil, isfinite
from typing import Any

from audioprompt.prompts.chat.events import error_in

# What an error says where a service does not take an option.
_BLAME = {
    "seed": r"\bseed\b",
    "temperature": r"\btemperature\b",
    "stream": r"\bstream",
    "response_format": r"response_?format|json_?schema|tructured|schema|grammar|guided|json mode|json_object",
}
_NO_MODEL = (
    r"model_not_found|(?:unknown|invalid|no such|unrecognized) model|not a valid model|no model"
    r"|\bmodels?\b.{0,80}(?:not found|not exist|n't exist|not available|not loaded|unknown|try pulling)"
)
_NO_CREDIT = r"insufficient[_ ](?:quota|credit|balance|funds)|requires more credits|no credits? left|billing"
# Errors that no option is to blame for.
_NO_OPTION = r"context[_ ]length|context window|maximum context|too many tokens|content management|api key|api_key"


class Refused(Exception):
    """The service, or what is in front of it, reports an error instead of an answer.

    Attributes:
        body: of the error, whatever its form.
        status: of HTTP, or what the error says of it; None if unknown.
        headers: of the response.
        moved_to: the address that the request was sent on to, if it was.
    """

    def __init__(
        self, body: Any, status: int | None = None, headers: Mapping[str, str] | None = None, moved: str | None = None
    ) -> None:
        super().__init__()
        self.body = error_in(body) or body
        code = self.body.get("code", self.body.get("status")) if isinstance(self.body, dict) else None
        told = int(str(code)) if re.fullmatch("[45][0-9][0-9]", str(code)) else None
        self.status = told if status is None else status
        self.headers = headers or {}
        self.moved_to = moved

    def says(self, pattern: str) -> bool:
        """Whether the error's words match a pattern."""
        return bool(re.search(pattern, str(self.body), re.IGNORECASE))

    @property
    def is_elsewhere(self) -> bool:
        """Whether there is no chat service at this address."""
        if self.status == 405 or self.says("unexpected endpoint"):
            return True
        return self.status == 404 and not self.says(_NO_MODEL) and not self.says(r"parameter|provider")

    def option_to_blame(self, options: Iterable[str]) -> str | None:
        """Choose the option to leave out, by what the error says or else by how often an option is the reason."""
        options = list(options)
        if self.status in (401, 402, 403, 407, 408, 413, 429) or self.says(f"{_NO_CREDIT}|{_NO_OPTION}"):
            return None
        named = next((name for name in _BLAME if name in options and self.says(_BLAME[name])), None)
        if named or self.says(_NO_MODEL) or self.status not in (None, 400, 404, 415, 422, 500, 501):
            return named
        if self.status == 404 and (self.is_elsewhere or not isinstance(self.body, dict)):
            return None
        return next((name for name in ("response_format", "seed", "temperature") if name in options), None)

    @property
    def wait(self) -> str:
        """For how long the service wants to be left alone, in words."""
        seconds = seconds_of(self.headers.get("retry-after"))
        return "a minute" if seconds is None else f"{max(ceil(seconds), 1)} s"

    @property
    def names_no_model(self) -> bool:
        """Whether the service does not know the model."""
        return self.says(_NO_MODEL)

    @property
    def wants_credit(self) -> bool:
        """Whether the account has no credit left."""
        return self.status == 402 or self.says(_NO_CREDIT)


def seconds_of(header: str | None) -> float | None:
    """Tell for how long a service wants to be left alone, by its Retry-After header: seconds, or a date."""
    try:
        seconds = float(header or "nan")
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header or "") - datetime.now(timezone.utc)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(seconds, 0) if isfinite(seconds) else None
