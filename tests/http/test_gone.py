"""What is chosen on a page and gone when it is asked for.

It was deleted in another page, or the server was started anew and has forgotten it.
"""

import re

import pytest

from audioprompt.prompts.store import PromptStore
from tests.curating import PLAIN, pack_of
from tests.fakes import HUM
from tests.http.test_role_table import Person, as_file, wav
from tests.serving import Running


@pytest.fixture
def person(home: Running) -> Person:
    return Person(home, "curator at home")


def test_whatever_is_gone_there_is_an_answer_or_a_sentence(person: Person) -> None:
    app, wrong = person.app, {}
    for endpoint, one in app.endpoints().items():
        given = [app.components[number] for number in one["inputs"]]
        if endpoint.startswith("/") or any(other["type"] == "uploadbutton" for other in given):
            continue  # a page's own, that need no file
        for place, component in enumerate(given):
            if component["type"] not in ("dropdown", "checkboxgroup") or one["connection"] == "stream":
                continue
            data = [other["props"].get("value") for other in given]
            data = ["" if other["type"] == "textbox" else value for other, value in zip(given, data, strict=True)]
            data[place] = ["gone"] if component["type"] == "checkboxgroup" else "gone"
            answer = person.call(endpoint, data, {"pack": "gone"}).answer
            if answer != "answered" and not re.match(r"[A-Z].*\.", answer):
                wrong[endpoint, place] = answer
    assert not wrong


def test_the_microphone_and_a_clip_say_that_their_pack_is_gone(person: Person) -> None:
    sound = as_file(person.app, "sound.wav", wav(HUM))
    heard = person.call("/live", [None, sound, "hum, whistle", "gone", "embedded", None])
    asked = person.call("show_clip", [sound, "hum, whistle", "gone", "embedded", None, False])
    for call in (heard, asked):
        assert call.answer.startswith("No prompt pack is called 'gone'. There are: acoustic-scenes,"), call.endpoint


def test_another_pack_takes_the_place_of_one_that_was_deleted(person: Person, home: Running) -> None:
    store = PromptStore(home.folder / "store")
    store.create(pack_of(PLAIN, status="approved", pack_id="passing"))
    assert '"value":"eight-templates"' not in person.call("show_offers", ["passing"]).raw
    store.delete("passing")
    for endpoint in ("show_offers", "show_packs"):
        assert '"value":"eight-templates"' in person.call(endpoint, ["passing"]).raw, endpoint
