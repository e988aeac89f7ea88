"""A stranger's playlist names the server's own sounds: nothing but the upload is opened, and no program is started."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import soundfile

from audioprompt.ui import app as page
from tests.fakes import HUM, RATE, tone
from tests.http.test_role_table import Person, answer_in, as_file, wav
from tests.serving import Running, running
from tests.unit.test_audio import container_bytes

PROGRAMS = ("ffmpeg", "ffprobe", "avconv", "avprobe")
STAND_IN = '#!/bin/sh\necho "$0 $@" >> {log}\nexit 1\n'
# Runs a script while noting what is opened and which programs are started.
WATCHED = """
import runpy, sys
log = open(sys.argv[1], "a", buffering=1)
EVENTS = {"open", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"}
sys.addaudithook(lambda event, given: event in EVENTS and log.write(f"{event} {given[0]!r} {given[1:2]!r}\\n") and None)
sys.argv[:] = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a server keeps to itself, and stand-ins for FFmpeg's programs that note each call."""
    folder = tmp_path_factory.mktemp("server")
    soundfile.write(folder / "secret.wav", tone(HUM, 3.0), RATE)
    (folder / "bin").mkdir()
    for name in PROGRAMS:
        program = folder / "bin" / name
        program.write_text(STAND_IN.format(log=folder / "called.txt"))
        program.chmod(0o755)
    (folder / "watched.py").write_text(WATCHED)
    return folder


@pytest.fixture(scope="module")
def path(folder: Path) -> str:
    """The search path with FFmpeg on it."""
    return f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="module")
def app(folder: Path, path: str) -> Iterator[Running]:
    with running(folder, str(folder / "watched.py"), str(folder / "audit.txt"), "app.py", PATH=path) as app:
        cards = next(one["id"] for one in app.components.values() if one["props"].get("elem_id") == "learn-cards")
        clicked = next(one for one in app.config["dependencies"] if [cards, "click"] in one["targets"])
        known = {**app.endpoints(), "learn-cards": clicked}
        app.endpoints = lambda: known  # type: ignore[method-assign]
        yield app


def playlists(secret: Path) -> dict[str, bytes]:
    """Playlists and edit lists that lead to a sound, by names that decoders or people go by."""
    hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret}\n#EXTINF:9,\nfile:{secret}\n#EXT-X-ENDLIST\n"
    edits = f"ffconcat version 1.0\nfile {secret}\n"
    scenes = f"<MPD><Period><AdaptationSet><BaseURL>{secret}</BaseURL></AdaptationSet></Period></MPD>"
    return {
        "list.m3u8": hls.encode(),
        "list.wav": hls.encode(),
        "audio.webm": hls.encode(),
        "list.ffconcat": edits.encode(),
        "list.mpd": scenes.encode(),
    }


def test_the_stand_in_would_be_called(folder: Path, path: str) -> None:
    """What Gradio's own way of decoding does with an upload."""
    (folder / "own.m3u8").write_bytes(playlists(folder / "secret.wav")["list.m3u8"])
    script = f"from gradio import processing_utils as p; p.audio_from_file({str(folder / 'own.m3u8')!r})"
    done = subprocess.run([sys.executable, "-c", script], env={**os.environ, "PATH": path}, capture_output=True)
    assert done.returncode and "own.m3u8" in (folder / "called.txt").read_text()
    (folder / "called.txt").unlink()


def test_no_component_decodes_by_itself() -> None:
    sounds = [one for one in page.build().blocks.values() if isinstance(one, gr.Audio)]
    assert len(sounds) == 5
    for sound in sounds:
        assert sound.format is None
        assert sound.type == "filepath" or sound.interactive is False


@pytest.mark.parametrize("name", playlists(Path("secret.wav")))
def test_a_playlist_opens_nothing_and_starts_nothing(app: Running, folder: Path, name: str) -> None:
    content = playlists(folder / "secret.wav")[name]
    visitor = Person(app, "visitor")
    file = as_file(app, name, content)
    asked: dict[str, list[Any]] = {
        "record": [None, "mine", file],
        "add": [None, "mine", [file]],
        "/live": [None, file, "hum, whistle", "eight-templates", "embedded", None],
        "show_clip": [file, "hum, whistle", "eight-templates", "embedded", None, False],
        "/classify": [file, "hum, whistle", "eight-templates", "embedded", False, ""],
    }
    for endpoint, data in asked.items():
        call = visitor.call(endpoint, data)
        assert "holds no audio that can be decoded" in answer_in(call.raw), call
    played = visitor.call("learn-cards", [None], {"act": "play", "label": "mine", "turn": 0})
    assert "data:audio" not in played.raw
    audit = (folder / "audit.txt").read_text()
    assert Path(file["path"]).name in audit, "the upload itself is opened"
    assert "secret.wav" not in audit
    assert not any(program in audit for program in PROGRAMS)
    assert not (folder / "called.txt").exists()


def test_a_recording_of_the_microphone_is_kept_and_played_as_it_came(app: Running, folder: Path) -> None:
    """Browsers record WebM, and may call it a WAV."""
    visitor = Person(app, "visitor")
    for name, content in (("audio.webm", container_bytes("webm", "libopus")), ("audio.wav", wav(HUM))):
        file = as_file(app, name, content)
        added = visitor.call("record", [None, "mine", file])
        assert "1 clip" in added.raw or "2 clips" in added.raw
        assert (
            "data:audio/wav;base64"
            in visitor.call("learn-cards", [None], {"act": "play", "label": "mine", "turn": 0}).raw
        )
    assert not (folder / "called.txt").exists()
