"""What `make audit` makes of pip-audit's answers."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tools.audit import UNREACHABLE, main, verdict

SOUND: dict[str, Any] = {"name": "idna", "version": "3.10", "vulns": []}
FLAWED = {"name": "idna", "version": "3.6", "vulns": [{"id": "PYSEC-2024-60", "fix_versions": ["3.7"]}]}
SKIPPED = {"name": "idna", "skip_reason": "Dependency not found on PyPI and could not be audited: idna (3.7)"}


@pytest.mark.parametrize(
    ("packages", "said", "well"),
    [
        ([SOUND], "Looked up: 1. No vulnerability is known of them.", True),
        ([SOUND, FLAWED], "idna 3.6: PYSEC-2024-60, mended in 3.7", False),
        ([SOUND, SKIPPED], "Not looked up, for nothing is known of them: idna.", False),
        (None, UNREACHABLE, False),
    ],
)
def test_silence_is_no_all_clear(packages: list[Any] | None, said: str, well: bool) -> None:
    assert verdict([None, {"dependencies": packages} if packages else None]) == (said, well)


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({"pypi": {"dependencies": [SOUND]}}, 0),
        ({"pypi": {"dependencies": [SKIPPED]}, "osv": {"dependencies": [SOUND]}}, 0),
        ({"pypi": {"dependencies": [SKIPPED]}}, 1),  # and osv.dev out of reach: pip-audit ends in a traceback
        ({"pypi": {"dependencies": [FLAWED]}, "osv": {"dependencies": [SOUND]}}, 1),
    ],
)
def test_the_first_service_that_knows_the_packages_is_believed(
    answers: dict[str, Any], code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for service in ("pypi", "osv"):
        (tmp_path / service).write_text(json.dumps(answers[service]) if service in answers else "")
    stand_in = tmp_path / "pip-audit"
    stand_in.write_text(f'#!/bin/sh\nwhile [ "$1" != --vulnerability-service ]; do shift; done\ncat "{tmp_path}/$2"\n')
    stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    assert main(str(stand_in), "requirements.lock") == code
    out, err = capsys.readouterr()
    assert bool(out) != bool(err) and bool(err) == bool(code)
