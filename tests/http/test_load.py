"""Many at once, over HTTP: everybody is answered, every microphone is heard or told its place, and little travels."""

import re

import pytest

from benchmarks.load import load
from tests.serving import Running, awaited


def test_people_and_microphones_at_once(public: Running) -> None:
    """Ten microphones where eight are heard at once, each from an address of its own."""
    before = len(public.log.read_text())
    seen = awaited(load(public.address, people=3, microphones=10, seconds=8))
    assert not seen.failures and len(seen.answers) >= 3
    assert len(seen.microphones) == 10 and set(seen.microphones) <= {"heard", "told its place"}
    assert "Traceback" not in public.log.read_text()[before:]


@pytest.mark.parametrize("browser", ["gzip, deflate, br, zstd", "gzip"])
def test_the_page_and_its_scripts_travel_packed(public: Running, browser: str) -> None:
    page = public.http.get("/", headers={"accept-encoding": browser})
    scripts = re.findall(r"assets/[\w.-]+\.js", page.text)
    answers = [page, *(public.http.get(f"/{one}", headers={"accept-encoding": browser}) for one in scripts)]
    assert scripts and all(answer.headers["content-encoding"] == "gzip" for answer in answers)
    assert all("export" in answer.text or "import" in answer.text for answer in answers[1:])
    assert page.num_bytes_downloaded < len(page.text) / 5
