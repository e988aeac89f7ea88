"""The log of a public page: what its operator is told, and what nobody is."""

import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from audioprompt.models import registry
from audioprompt.models.base import ModelError
from audioprompt.server import access, logs, sessions
from audioprompt.server.access import NotAllowed
from audioprompt.util.jobs import Jobs
from tests.unit.server.test_access import SECRET, from_address, request

LABEL = "a neighbour's dog"


@pytest.fixture(autouse=True)
def public(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A public page with a password, of which everything is logged."""
    monkeypatch.setattr(access, "_exposed", True)
    monkeypatch.setattr(access, "TRIES", access.Tries())
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setenv(access.PASSWORD, SECRET)
    caplog.set_level(logging.DEBUG)


def test_sign_ins_are_told_and_passwords_are_not(caplog: pytest.LogCaptureFixture) -> None:
    someone = from_address("203.0.113.7")
    token = access.sign_in(SECRET, someone)
    for _ in range(access.WRONG_TRIES):
        with pytest.raises(NotAllowed):
            access.sign_in("a wrong guess", someone)
    told = caplog.text
    assert "A curator signed in from 203.0.113.7" in told and "A wrong password came from 203.0.113.7" in told
    assert not any(secret in told for secret in (SECRET, token, "a wrong guess"))


def test_a_failed_job_is_told_without_its_message(caplog: pytest.LogCaptureFixture) -> None:
    def fail(job: Any) -> None:
        raise ValueError(f"there is no clip of {LABEL}")

    job = Jobs().start(fail)
    with pytest.raises(ValueError, match=LABEL):
        job.result()
    assert "A job failed after" in caplog.text and f"ValueError in {__name__}, line" in caplog.text
    assert LABEL not in caplog.text


def test_a_job_that_took_too_long_is_told(caplog: pytest.LogCaptureFixture) -> None:
    job = Jobs().start(lambda job: job.progress("clips", 1, 2), seconds=-1.0)
    assert job.finished(60.0) and "A job was ended after" in caplog.text


def test_evicted_copies_are_counted_and_not_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_OF_ONE", 1)
    for name in ("first-session", "second-session"):
        sessions.claim_folder(request(name))
    assert "Removed 1 visitors' copies to make room" in caplog.text
    assert "first-session" not in caplog.text


def test_models_are_told_when_they_load_and_when_they_do_not(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(device: str, weights: Path | None, progress: Any) -> Any:
        if weights:
            raise ModelError("The weights are damaged.")
        return object()

    entry = registry.ModelEntry("small", "", "", "", load)
    monkeypatch.setattr(registry, "MODELS", registry.ModelRegistry([entry]))
    registry.load("small", "cpu")
    with pytest.raises(ModelError):
        registry.load("small", "cpu", Path("damaged"))
    assert "small is loaded on cpu after" in caplog.text
    assert "small could not be loaded: The weights are damaged." in caplog.text


@pytest.mark.parametrize(("is_public", "level"), [(True, logging.INFO), (False, logging.WARNING)])
def test_a_page_at_home_is_quiet(monkeypatch: pytest.MonkeyPatch, is_public: bool, level: int) -> None:
    monkeypatch.setattr(logs, "NAME", f"a page of level {level}")
    ours = logging.getLogger(logs.NAME)
    ours.propagate = False
    ours.addHandler(logging.NullHandler())  # as the library has
    logs.begin(is_public)
    logs.begin(is_public)
    (shown,) = ours.handlers
    assert ours.level == level and isinstance(shown, logging.StreamHandler)


def test_the_library_prints_nothing_of_its_own() -> None:
    code = "import audioprompt, logging; logging.getLogger('audioprompt.models.registry').warning('said twice')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


def test_every_refusal_and_every_label_of_a_public_page_stays_out(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(NotAllowed):
        access.only_curators(request(), f"load {LABEL}")
    with pytest.raises(Exception, match="cannot open files"):
        sessions.clips_named(f"/home/{LABEL}", request())
    assert LABEL not in caplog.text
