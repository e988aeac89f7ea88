"""The Generate tab's handlers as plain functions: no browser, no server."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import gradio as gr
import pytest

from audioprompt.api.generate import generate as generate_by_api
from audioprompt.core.labels import parse_labels
from audioprompt.models.base import ModelError
from audioprompt.prompts.chat.addresses import OPENAI_URL
from audioprompt.prompts.generators import COUNT, GenerationError, Task
from audioprompt.prompts.pack import PromptPack
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from audioprompt.server.generators import LEXICON, SERVICE
from audioprompt.services.curate.setup import Setup, recall_setup
from audioprompt.ui import markup
from audioprompt.ui.components import generate as generate_view
from audioprompt.ui.tabs import generate
from tests.fakes import FakeModel
from tests.openai_server import KEY, ChatServer, Reply, chat_servers

LABELS = "violin, flute, piano"
ATTRIBUTES, SOURCES = ["loud", "bright", "warm"], ["opera", "church"]
OFFLINE = (LEXICON, 0, "", "", 0.7, "")
NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PromptStore:
    monkeypatch.setenv("AUDIOPROMPT_STORE", str(tmp_path / "store"))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(generate, "shared_model", lambda name: FakeModel())
    return PromptStore()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ChatServer]]:
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    with chat_servers() as start:
        yield start


def write(
    labels: str = LABELS, count: float | None = 8, generator: tuple[Any, ...] = OFFLINE, words: Any = None
) -> list[tuple[Any, ...]]:
    """All that the page is told while candidates are written."""
    attributes, sources = words or (ATTRIBUTES, SOURCES)
    asked = ("instruments", labels, attributes, sources, count, *generator, "fake")
    return [step for step in generate.write(*asked) if not all(map(skipped, step))]


def skipped(value: Any) -> bool:
    return value == gr.skip()


# --- the task ---------------------------------------------------------------------------------------------------------


def test_the_demonstration_gives_its_classes():
    category, labels = generate.choose_demonstration()
    assert category == "instruments" and labels.split(", ")[:3] == ["bass guitar", "bowed strings", "brass"]


def test_a_packs_labels_bring_their_category():
    category, labels = generate.choose_preset("Orchestra")
    assert category == "instruments" and "violin" in labels
    assert all(skipped(value) for value in generate.choose_preset("choose a list …"))


def test_a_data_set_gives_its_classes_or_says_why_not(tmp_path):
    for name in ("low_hum", "whistle"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "one.wav").write_bytes(name.encode())
    assert generate.choose_data(f" {tmp_path / 'data'} ") == ("low hum, whistle", "")
    (tmp_path / "data" / "whistle").rename(tmp_path / "data" / "whistle, high")
    labels, _ = generate.choose_data(str(tmp_path / "data"))
    assert parse_labels(labels).labels == ("low hum", "whistle, high")
    labels, problem = generate.choose_data(f"{NASTY}.csv")
    assert skipped(labels) and 'role="alert"' in problem and "<img" not in problem


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (Task("vocal_sounds", ("cough", "sigh")), "Non-verbal vocalisation: 2 labels (cough, sigh)"),
        (Task(None, tuple("abcdef")), "Sound recognition: 6 labels (a, b, c, d, …)"),
        (Task(None), "Sound recognition, any labels"),
    ],
)
def test_a_task_in_one_line(task, words):
    assert generate.task_summary(task) == words


# --- the generator ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ((LEXICON, 3, "parrot", "", 0.7), "Offline lexicon · seed 3"),
        ((SERVICE, 0, "parrot", "", 0.7), "parrot at api.openai.com · temperature 0.7 · seed 0"),
        ((SERVICE, None, "parrot", "http://localhost:11434/v1", None), "parrot at localhost:11434"),
        ((SERVICE, None, "", "http://me:secret@host/v1?key=secret", 0), "no model named yet at host · temperature 0"),
        ((SERVICE, None, "p", "http://[nonsense", 0), "p at an address that cannot be used · temperature 0"),
        ((SERVICE, None, NASTY, "", None), "&lt;img src=x onerror=alert(1)&gt; at api.openai.com"),
    ],
)
def test_what_is_in_use_is_said_in_one_line(settings, words):
    assert generate.in_use(*settings) == f'<span class="in-use">{words}</span>'


def test_where_the_key_comes_from_is_said_without_the_key(monkeypatch):
    assert "Required by OpenAI" in generate.key_state("")
    assert "Only if the service requires one" in generate.key_state("http://localhost:1/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for address in ("", OPENAI_URL, OPENAI_URL + "/"):
        assert generate.key_state(address).startswith("Key taken from OPENAI_API_KEY")
        assert KEY not in generate.key_state(address)
    assert "OPENAI_API_KEY" not in generate.key_state("http://elsewhere/v1")


def test_the_exact_prompt_is_what_the_service_is_asked():
    before = generate.exact_prompt(SERVICE, "instruments", LABELS, [], [], 40)
    assert "30 attributes" in before and before.count("<pre>") == 1
    asked = generate.exact_prompt(SERVICE, "instruments", f"violin, {NASTY}", ATTRIBUTES, SOURCES, 12)
    assert "Write 12 different prompts" in asked and asked.count("<pre>") == 2
    assert "<img" not in asked and "&lt;attribute&gt;" in asked
    assert "Nothing is sent anywhere" in generate.exact_prompt(LEXICON, "", LABELS, [], [], None)
    assert 'role="alert"' in generate.exact_prompt(SERVICE, "", "violin", [], [], 40)


# --- words ------------------------------------------------------------------------------------------------------------


def test_words_are_proposed_and_all_kept_at_first():
    *_, (under, task, words, notice, attributes, sources, kept, _, candidates, better, button) = generate.propose(
        "instruments", "violin, flute, Violin", *OFFLINE
    )
    assert better is None and not button.visible
    assert (under, notice) == ("", '<div class="fine">Ignored duplicate label: Violin.</div>')
    assert not task.open and task.label == "Musical instrument recognition: 2 labels (violin, flute)"
    assert words.open and candidates.open
    assert "resonant" in attributes and "opera" in sources
    assert kept.value == attributes


@pytest.mark.parametrize(
    ("category", "labels", "better", "title"),
    [
        ("instruments", "chainsaw, lawn mower, helicopter", "", "Other sounds"),
        ("instruments", "cough, sneeze, burp", "vocal_sounds", "Non-verbal vocalisation"),
        ("music_genre", "siren, gunshot, glass breaking", "impact_emergency", "Impact or emergency sounds"),
        ("vocal_sounds", "kitchen, office, forest", "acoustic_scenes", "Acoustic scene classification"),
    ],
)
def test_a_category_that_does_not_fit_is_said_and_another_offered(category, labels, better, title):
    *_, last = generate.propose(category, labels, *OFFLINE)
    assert "does not seem to fit these labels" in last[3] and last[9] == better
    assert last[10].visible and last[10].value.startswith("Use “") and title.split()[0] in last[10].value
    *_, again = generate.propose(better, labels, *OFFLINE)
    assert again[9] is None and not again[10].visible and "fit these labels" not in again[3]


def test_labels_that_fit_are_not_doubted():
    for category, labels in [
        ("instruments", "erhu, sitar, bagpipes, theremin"),
        ("", "chainsaw, dog"),
        ("music_genre", ""),
    ]:
        *_, last = generate.propose(category, labels, *OFFLINE)
        assert last[9] is None


@pytest.mark.parametrize("few, many", [(100, 1_500), (1, 101)])
def test_too_many_words_are_refused_in_a_sentence(few, many):
    words = [f"loud{n}" for n in range(many)]
    ((_, problem, *rest),) = write(words=(words, words[:few]))
    assert f"{many:,} attributes are too many: keep it to 100." in problem and all(skipped(value) for value in rest)
    assert "sources are too many" in generate.add_words("sources", words[:few], [], ", ".join(words))[3]
    assert "are too many" in generate.exact_prompt(SERVICE, "", LABELS, [], words, 40)


@pytest.mark.parametrize(
    ("labels", "generator", "sentence"),
    [
        ("violin", OFFLINE, "give at least two labels"),
        (LABELS, (SERVICE, 0, "", "", 0.7, ""), "No model is named"),
        (LABELS, (SERVICE, 0, "parrot", "", 0.7, ""), "OpenAI requires a key"),
        (LABELS, (SERVICE, 0, "parrot", "ftp://there", 0.7, ""), "The address of the service cannot be used"),
    ],
)
@pytest.mark.slow
def test_what_keeps_words_from_being_proposed_is_said_in_place(labels, generator, sentence):
    ((under, *rest),) = generate.propose("", labels, *generator)
    assert 'role="alert"' in under and sentence in under
    assert all(skipped(value) for value in rest)
    ((_, problem, *rest),) = write(labels, generator=generator)
    assert sentence in problem and all(skipped(value) for value in rest)


def test_words_of_ones_own_are_added_and_kept():
    offered, chips, rest, problem = generate.add_words(
        "attributes", ["loud", "bright", "warm"], ["warm"], "an eerie,  Loud\nzany,,"
    )
    assert offered == ["loud", "bright", "warm", "eerie", "zany"]
    assert chips.value == ["loud", "warm", "eerie", "zany"]
    assert (rest, problem) == ("", "")
    assert generate.add_words("sources", [], [], "the hills")[0] == ["the hills"]


def test_a_word_that_fits_no_template_stays_in_the_field():
    offered, chips, rest, problem = generate.add_words("sources", ["hall"], ["hall"], "a {room}")
    assert all(skipped(value) for value in (offered, chips, rest))
    assert 'role="alert"' in problem


# --- candidates -------------------------------------------------------------------------------------------------------


@pytest.fixture
def drawn_each(monkeypatch):
    monkeypatch.setattr(generate, "DRAW_SECONDS", 0)


def test_candidates_come_one_by_one(drawn_each):
    first, *steps, last = write(count=8)
    all_of_them, steps = steps[8], steps[:8]  # behind them it may be told how far the checks are
    assert not first[0].open and first[0].label == "3 attributes, 2 sources kept"
    assert skipped(first[3]) and "<b>0</b> of 8" in first[1] and "running" in first[1]
    assert [f"<b>{n}</b> of 8" in step[1] for n, step in enumerate(steps, 1)] == [True] * 8
    assert [len(step[3].entries) for step in steps] == list(range(1, 9))
    assert all("running" in step[1] for step in steps) and "running" not in last[1]
    assert last[2].count("<tr>") == 9 and last[3] == steps[-1][3] == all_of_them[3]
    assert '<span class="slot">violin</span>' in last[2]
    title, pack_id = all_of_them[4:]
    assert title.startswith("Musical instrument recognition, 20") and pack_id.startswith("instruments-20")
    assert skipped(last[4])  # what was typed meanwhile stays


def test_many_candidates_are_drawn_a_few_times(monkeypatch):
    """Each drawing is of all that have come: one for each of them would cost their square."""
    monkeypatch.setattr(generate, "DRAW_SECONDS", 3600)
    drawn: list[int] = []
    table = generate_view.candidates_table

    def counted(*given: Any) -> str:
        drawn.append(len(given[0]))
        return table(*given)

    monkeypatch.setattr(generate_view, "candidates_table", counted)
    words = [f"loud{n}" for n in range(90)]
    *_, last = write(count=200, words=(words, words))
    assert drawn == [1, 200, 200] and len(last[3].entries) == 200


class Slow(FakeModel):
    """A model that reads texts when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on, self.batches = Event(), 0

    def embed_text(self, texts):
        self.go_on.wait(600)
        self.batches += 1
        return super().embed_text(texts)


def test_checking_tells_how_far_it_is_and_ends_with_the_page(monkeypatch):
    model = Slow()
    monkeypatch.setattr(generate, "shared_model", lambda name: model)
    monkeypatch.setattr(generate, "TICK_SECONDS", 0.01)
    words = [f"loud{n}" for n in range(90)]
    labels = ", ".join(f"violin {n}" for n in range(20))
    steps = generate.write("instruments", labels, words, words, 90, *OFFLINE, "fake")  # 1,800 texts
    shown = next(step[1] for step in steps if not skipped(step[1]) and "Checking the prompts" in step[1])
    assert "running" in shown
    model.go_on.set()
    shown = next(step[1] for step in steps if not skipped(step[1]) and " read" in step[1])
    assert "of 1,800 read" in shown
    model.go_on.clear()
    steps.close()  # as Gradio does where the page is closed
    model.go_on.set()
    batches = model.batches
    generate.CHECKING.start(lambda job: None).result()
    assert model.batches <= batches + 2 < 1_800 / 128


def test_without_labels_candidates_have_no_preset_and_are_checked_by_their_text():
    *_, last = write(labels="", count=4)
    assert last[3].label_presets == {} and '<span class="slot">sound</span>' in last[2]


def test_no_more_candidates_than_agreed_are_asked_for():
    assert "of 200" in write(count=1e9)[0][1]
    assert f"of {COUNT}" in write(count=None)[0][1]


def test_words_that_do_not_suffice_are_told():
    *_, (_, said, table, pack, *_) = write(words=([], []))
    assert "These words give 0 of 8 prompts" in said and skipped(pack) and skipped(table)
    *_, (_, said, _, pack, *_) = write(words=(["loud"], []))
    assert "These words give 1 of 8 prompts" in said and len(pack.entries) == 1


def test_candidates_are_checked_by_the_model_or_else_by_their_text(monkeypatch):
    def absent(name: str) -> Any:
        raise ModelError("The weights are not here.")

    monkeypatch.setattr(generate, "shared_model", absent)
    *_, (_, said, table, *_) = write(words=(["loud", "violin"], []))
    assert "Checked by their text alone: The weights are not here." in said
    assert "1 flagged" in said and "which is a label itself" in table


def test_what_came_before_a_failure_stays(serve):
    half = json.dumps({"prompts": [Template.tspe(word).text for word in ATTRIBUTES]}).removesuffix("]}") + ","
    server = serve(Reply(half, end="drop"))
    *_, (_, said, table, pack, *_) = write(generator=(SERVICE, 7, "parrot", server.url, None, KEY))
    assert "broke off" in said and "<b>3</b> of 8" in said and table.count("<tr>") == 4
    assert [entry.template.attribute for entry in pack.entries] == ATTRIBUTES
    assert pack.provenance.settings == {"model": "parrot", "base_url": server.url, "temperature": None, "seed": 7}


def test_what_is_left_out_is_told(serve):
    line = Template.tspe("loud").text
    server = serve(Reply(json.dumps({"prompts": [line, line]})), Reply(json.dumps({"prompts": ["What a noise"]})))
    *_, (_, said, *_) = write(generator=(SERVICE, 0, "parrot", server.url, 0.7, KEY))
    assert "2 of 3 were left out" in said


@pytest.mark.parametrize("reply", [Reply("no", status=401), Reply("{", end="drop"), Reply(f'{{"prompts": ["{KEY}"]}}')])
def test_the_key_is_in_nothing_that_the_page_is_told(serve, reply, capfd):
    server = serve(reply)
    generator = (SERVICE, 0, "parrot", server.url, 0.7, KEY)
    told = [*generate.propose("", LABELS, *generator), *write(generator=generator)]
    packs = [value.to_json() for step in told for value in step if isinstance(value, PromptPack)]
    assert server.keys == [f"Bearer {KEY}"] * len(server.keys) and len(server.keys) >= 2
    assert KEY not in f"{told} {packs} {capfd.readouterr()}"


def test_a_slow_iterator_is_waited_for_in_ticks(monkeypatch):
    monkeypatch.setattr(generate, "TICK_SECONDS", 0.01)
    go_on, closed = Event(), Event()

    def slow() -> Iterator[int]:
        try:
            yield 1
            go_on.wait(600)
            yield 2
            raise ValueError("no more")
        finally:
            closed.set()

    found = generate.ticking(slow())
    assert next(item for item in found if item) == 1
    assert next(found) is None  # while the iterator waits
    go_on.set()
    assert next(item for item in found if item) == 2
    with pytest.raises(ValueError, match="no more"):
        list(found)
    assert closed.wait(600)


def test_a_slow_iterator_that_is_not_wanted_any_more_is_closed():
    asked, closed = Event(), Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
                asked.wait(600)
        finally:
            closed.set()

    found = generate.ticking(endless())
    assert next(found) == 1
    found.close()
    asked.set()
    assert closed.wait(600)


def test_stopping_keeps_what_has_come(drawn_each):
    pack = write()[4][3]
    *_, (said, table) = generate.stopped(pack, 8, "fake")
    assert "<b>4</b> of 8" in said and "The candidates so far are kept" in said and "running" not in said
    assert table.count("<tr>") == 5
    *_, (said, table) = generate.stopped(None, 8, "fake")
    assert "before the first" in said and skipped(table)


def test_texts_are_escaped():
    template = Template(f"the {NASTY} of a {{label}} & <b>more</b>")
    table = generate_view.candidates_table([template], [()], [NASTY])
    assert "<img" not in table and "<b>" not in table and "&lt;b&gt;" in table


@pytest.mark.parametrize("text", ["A {label}", "{label}", "an {label}.", "the (a {label})"])
@pytest.mark.parametrize("label", ["owl", "dog", " two  words "])
def test_a_filled_template_marks_the_label(text, label):
    filled = markup.fill(Template(text), label)
    assert filled.before + filled.label + filled.after == Template(text).fill(label)
    assert filled.label == " ".join(label.split())


# --- sending ----------------------------------------------------------------------------------------------------------


def test_candidates_become_a_pack_and_go_to_curate(store):
    pack = write()[-1][3]
    title, pack_id = generate.proposed_names(pack)
    assert title.startswith("Musical instrument recognition, 20") and pack_id.startswith("instruments-20")
    in_hand, clips, tabs, step, problem = generate.send(pack, title, f" {pack_id} ")
    assert (in_hand, problem) == (pack_id, "") and tabs.selected == "curate" and skipped(clips)
    assert step.label == f"8 candidates kept as {pack_id}, now in Curate"
    kept = store.get(pack_id)
    assert kept.entries == pack.entries and kept.label_presets == {"Labels": ("violin", "flute", "piano")}
    assert generate.proposed_names(pack)[1] == f"{pack_id}-2"


def test_the_data_set_goes_to_curate_with_the_pack():
    pack, before = write()[-1][3], {"older": {"data": "x", "folds": "", "share": 50, "seed": 0}}
    _, clips, *_ = generate.send(pack, "Mine", "mine", " hf:owner/sounds ", before)
    assert clips == {**before, "mine": {"data": "hf:owner/sounds"}}
    mine = pack.model_copy(update={"id": "mine"})
    assert recall_setup(mine, clips, "fake") == Setup("mine", "hf:owner/sounds", None, "fake")


@pytest.mark.parametrize(
    ("title", "pack_id", "sentence"),
    [
        ("Mine", "vanilla", "is called &#39;vanilla&#39; already"),
        ("Mine", "../up", "must be small letters and digits"),
        (" ", "mine", "must not be empty"),
    ],
)
def test_a_pack_that_cannot_be_kept_is_refused_in_a_sentence(store, title, pack_id, sentence):
    *rest, problem = generate.send(write()[-1][3], title, pack_id)
    assert sentence in problem and all(skipped(value) for value in rest)
    assert "mine" not in store.ids()


def test_nothing_is_sent_before_there_are_candidates():
    assert "write some first" in generate.send(None, "", "")[-1]
    assert all(skipped(value) for value in generate.proposed_names(None))


# --- what is remembered -----------------------------------------------------------------------------------------------


def test_the_task_and_the_generator_are_remembered_without_secrets():
    fields = ["", LABELS, SERVICE, 0, "parrot", "https://me:secret@host:1/v1?key=secret#secret", 0.5, 20]
    kept = generate.remember(*fields)
    assert kept["base_url"] == "https://host:1/v1" and "secret" not in str(kept)
    azure = "https://x.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21&key=secret"
    kept_too = generate.remember(*fields[:5], azure, *fields[6:])["base_url"]
    assert kept_too == "https://x.azure.com/openai/deployments/gpt?api-version=2024-10-21"
    assert generate.remember(*fields[:5], "http://me:secret@[x", *fields[6:])["base_url"] == ""
    assert generate.recall(kept) == [*fields[:5], "https://host:1/v1", *fields[6:]]
    assert all(skipped(value) for value in generate.recall({})) and generate.recall(None) == generate.recall({})


# --- the API ----------------------------------------------------------------------------------------------------------


def test_the_api_says_that_a_category_does_not_fit_and_bounds_the_words():
    answer = generate_by_api("instruments", "chainsaw, lawn mower", 2)
    assert len(answer["templates"]) == 2 and "“Other sounds” may fit better" in answer["notice"]
    assert generate_by_api("instruments", "violin, flute", 2)["notice"] is None
    with pytest.raises(GenerationError, match="101 sources are too many: keep it to 100"):
        generate_by_api("instruments", "violin, flute", 2, sources=[f"hall{n}" for n in range(101)])
