"""Many at once, over HTTP: everybody is answered, and every microphone is heard or told its place."""

from benchmarks.load import load
from tests.serving import Running, awaited


def test_people_and_microphones_at_once(public: Running) -> None:
    """Ten microphones where eight are heard at once, each from an address of its own."""
    before = len(public.log.read_text())
    seen = awaited(load(public.address, people=3, microphones=10, seconds=8))
    assert not seen.failures and len(seen.answers) >= 3
    assert len(seen.microphones) == 10 and set(seen.microphones) <= {"heard", "told its place"}
    assert "Traceback" not in public.log.read_text()[before:]
