"""Many at once, over HTTP: everybody is answered, and every microphone is heard or told its place."""

from pathlib import Path

from benchmarks.load import load
from tests.serving import awaited, running


def test_people_and_microphones_at_once(tmp_path: Path) -> None:
    """Ten microphones where eight are heard at once, each from an address of its own."""
    with running(tmp_path, AUDIOPROMPT_PASSWORD="nobody signs in") as app:
        seen = awaited(load(app.address, people=3, microphones=10, seconds=8))
        assert not seen.failures and len(seen.answers) >= 3
        assert len(seen.microphones) == 10 and set(seen.microphones) <= {"heard", "told its place"}
        assert "Traceback" not in app.log.read_text()
