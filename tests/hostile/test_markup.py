"""Whatever people and files say, the page shows as text: each view is drawn twice, of harmless and of nasty words, and
must be built of the very same elements and attributes both times."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from audioprompt.audio.spectrogram import picture
from audioprompt.core.timeline import Event, Timeline
from audioprompt.core.zero_shot import Prediction
from audioprompt.data import LabelledClips
from audioprompt.few_shot.heads import HeadRecord, HeadScore, card
from audioprompt.few_shot.settings import FitSettings
from audioprompt.prompts.checks import Flag
from audioprompt.prompts.formats.report import write as as_report
from audioprompt.prompts.history import decide, record, record_test
from audioprompt.prompts.pack import Measurement, PackEntry, PromptPack, Provenance
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from audioprompt.server import models
from audioprompt.server.context import IN_PROCESS
from audioprompt.services import curate as curation
from audioprompt.services.classify import Classification, classify
from audioprompt.services.learn import ExperimentSettings, Moves, try_out
from audioprompt.services.live import Hearing
from audioprompt.ui import charts, live, markup, theme
from audioprompt.ui.components import curate as curate_view
from audioprompt.ui.components import generate as generate_view
from audioprompt.ui.components import learn as learn_view
from audioprompt.ui.components.curate import Snapshot
from audioprompt.ui.tabs.curate import measure
from audioprompt.util.text import one_line
from tests.curating import clips_in
from tests.fakes import HUM, RATE, FakeModel, tone

WORDS = "an owl"
NASTY = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "\"><svg onload='alert(1)'>",
    "' onmouseover='alert(1)' x='",
    '" autofocus onfocus="alert(1)" x="',
    "<a href='javascript:alert(1)'>owl</a>",
    "${alert(1)} {{constructor}} <%= 1 %>",
    "[owl](javascript:alert(1)) ![owl](https://example.org/x.png) <https://example.org>",
    "&lt;img src=x onerror=alert(1)&gt; &#60;b&#62; &amp;",
    "<!-- owl",
    "]]> <![CDATA[ x",
    "$\\href{javascript:alert(1)}{owl}$ \\(x\\) $$y$$",
    "</textarea></style></title><style>*{display:none}</style>",
    "%{x} %{customdata[0]} %7B",
    "rain\u202egnp.wav \u2066owl",
    "```\n---\n# owl\n| a | b |\n",
    "~~~ <details open ontoggle=alert(1)>",
)


class Skeleton(HTMLParser):
    """The elements of a piece of HTML with the names of their attributes, and all of its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(f"<{tag} {' '.join(name for name, _ in attributes)}>")
        self.text += [value or "" for _, value in attributes]

    def handle_endtag(self, tag: str) -> None:
        self.elements.append(f"</{tag}>")

    def handle_comment(self, data: str) -> None:
        self.elements.append("<!-- -->")

    def handle_decl(self, decl: str) -> None:
        self.elements.append("<!>")

    def unknown_decl(self, data: str) -> None:
        self.elements.append("<![]>")

    def handle_pi(self, data: str) -> None:
        self.elements.append("<?>")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def twins(view: Callable[[str], str], nasty: str) -> None:
    """See that a view is made of the same elements with harmless and with nasty words, and shows both."""
    plain, other = Skeleton(view(WORDS)), Skeleton(view(nasty))
    assert other.elements == plain.elements
    said, words = one_line(" ".join(other.text)).casefold(), nasty.casefold()  # a sentence begins with a capital
    assert one_line(words)[:12] in said or one_line(words.replace("_", " "))[:12] in said


@pytest.fixture(params=NASTY, ids=range(len(NASTY)))
def nasty(request: pytest.FixtureRequest) -> str:
    return request.param


# --- small pieces -----------------------------------------------------------------------------------------------------


def answer(words: str) -> Classification:
    """What is heard in a clip, by labels and prompts of these words."""
    labels, templates = (f"hum {words}", "whistle"), [Template("a {label}"), Template(f"{fit(words)} {{label}}")]
    return classify(FakeModel(), (RATE, tone(HUM, 1)), labels, templates)


def fit(words: str) -> str:
    """Words that a template can have around its slot."""
    return words.replace("{", "(").replace("}", ")")


FLAG = Flag("similar", "It says the same as “{}”.")
PIECES: dict[str, Callable[[str], Any]] = {
    "verdict": lambda words: markup.verdict(answer(words), words),
    "votes": lambda words: markup.votes(answer(words).votes, "whistle"),
    "problem": markup.problem,
    "empty": markup.empty,
    "model state": lambda words: markup.model_state(words, "ready"),
    "live": lambda words: live.listen(
        FakeModel(),
        Hearing(),
        (RATE, tone(HUM, 1)),
        live.Asked((f"hum {words}", "whistle"), pack_of(words), None, words),
    )[1],
    "player": lambda words: learn_view.player(words, b"AAAA"),
    "player failed": learn_view.player_failed,
    "candidates": lambda words: generate_view.candidates_table(
        [Template(f"{fit(words)} {{label}}")], [[Flag(FLAG.kind, words)]], [words, "dog"]
    ),
    "curate progress": lambda words: curate_view.progress("clips", 1, 2, words),
}


@pytest.mark.parametrize("piece", PIECES)
def test_pieces_of_the_page_show_words_as_words(piece: str, nasty: str) -> None:
    twins(PIECES[piece], nasty)


@pytest.mark.parametrize("show", [markup.problem, learn_view.player_failed, lambda name: learn_view.player(name, b"A")])
def test_names_in_a_sentence_turn_nothing_behind_them(show: Callable[[str], str]) -> None:
    assert "ain gnp.wav is empty" in show("rain\u202egnp.wav\n is empty")


# --- Learn ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nasty", NASTY[:3])  # what the templates do with the others, `test_templates` tells
def test_learn_shows_words_as_words(nasty: str, tmp_path: Path) -> None:
    model = FakeModel()

    def shown(words: str) -> list[str]:
        folder = tmp_path / str(hash(words))
        folder.mkdir()
        manifest = clips_in(folder, each=3)
        label = "a " + fit(words).replace('"', '""')
        manifest.write_text(re.sub(",whistle,", lambda _: f',"{label}",', manifest.read_text()), "utf-8")
        clips = LabelledClips.from_manifest(manifest)
        trial = ExperimentSettings(("palm", "zero-shot"), 16, (0,), FitSettings(epochs=3))
        tried = try_out(model, clips, trial, ([1], None))
        assert tried.test and any(outcome.head for outcome in tried.results.outcomes)
        chance = math.log(len(clips.classes))
        return [
            learn_view.cards(clips, clips.classes[0]),
            learn_view.summary(tried.results),
            learn_view.details(tried.results, chance),
        ]

    for plain, other in zip(shown(WORDS), shown(nasty), strict=True):
        assert Skeleton(other).elements == Skeleton(plain).elements


# --- Curate -----------------------------------------------------------------------------------------------------------


def pack_of(words: str) -> PromptPack:
    """A pack with these words wherever it has room for any."""
    fitting = f"{fit(words)} of {{label}}"
    pack = PromptPack(
        id="strange",
        title=words,
        description=words,
        licence=words,
        provenance=Provenance(generator=words, settings={words: words}),
        entries=(
            PackEntry(template=Template(fitting, fit(words), fit(words))),
            PackEntry(template=Template("the contrary of {label}")),
        ),
        label_presets={words: (words, "other")},
    )
    figure = Measurement(model=words, revision=words, data=words, split=words, n=8, accuracy=0.5)
    pack = record(pack, {pack.entries[0].template.text: figure}, words)
    pack = decide(pack, [pack.entries[0].template.text], "approved", words, reason=words)
    pack = decide(pack, [pack.entries[1].template.text], "rejected", words, reason=words)
    return record_test(pack, figure, words)


@pytest.fixture
def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    model = FakeModel()
    monkeypatch.setattr(models, "shared_model", lambda name, request: model)
    monkeypatch.setattr(measure, "LOOK_SECONDS", 0.01)
    curation.forget()

    def shown(words: str) -> list[str]:
        folder = tmp_path / str(hash(words))
        folder.mkdir()
        monkeypatch.setenv("AUDIOPROMPT_STORE", str(folder / "store"))
        pack = pack_of(words)
        PromptStore().create(pack)
        manifest = clips_in(folder, each=2)
        label = "a " + words.replace('"', '""')  # first in the alphabet, whatever the words are
        manifest.write_text(re.sub(",whistle,", lambda _: f',"{label}",', manifest.read_text()), "utf-8")
        *_, end = measure.show_measured(IN_PROCESS, None, measure.Form(pack.id, str(manifest), "1", 50, 0, {}, "fake"))
        view, measured = end["view"], end["view"].measured
        now = Snapshot(replace(measured, flags=((Flag("similar", words),),) * len(measured.flags)), pack)
        label, texts = measured.validation.spoken_classes[-1], [*now.rows]
        return [
            curate_view.strip(now),
            curate_view.filters(now, "all"),
            curate_view.table(replace(view, label=label), now, {texts[0]: "rejected"}, texts[0]),
            curate_view.actions(now, None, words),
            *(curate_view.side(now, text, label) for text in texts),
            curate_view.foot(view, now),
            curate_view.patch(view, now, {texts[0]: "rejected"}, texts[0]),
            curate_view.ask_for_clips(pack),
        ]

    return shown


@pytest.mark.parametrize("nasty", NASTY[:3])
def test_curate_shows_words_as_words(nasty: str, desks: Callable[[str], list[str]]) -> None:
    for plain, other in zip(desks(WORDS), desks(nasty), strict=True):
        assert Skeleton(other).elements == Skeleton(plain).elements


# --- figures: plotly reads <b>, <i>, <br>, <sub>, <sup>, <em>, <span> and <a href> in every text ----------------------


def prediction(words: str) -> Prediction:
    rows = np.array([[0.9, 0.1], [0.6, 0.4]], np.float32)
    return Prediction((words, "rain"), rows, rows.argmax(axis=-1)[np.newaxis])


def texts(value: Any) -> Iterator[str]:
    """Every text in a figure."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, Sequence | np.ndarray):
        for inner in value:
            yield from texts(inner)


FIGURES: dict[str, Callable[[str], Any]] = {
    "class map": lambda words: charts.class_map(
        Moves((one_line(words), "b"), np.eye(2, dtype=np.float32), 2 * np.eye(2, dtype=np.float32))
    ),
    "bars": lambda words: charts.probability_bars("Vanilla", prediction(words), theme.VANILLA),
    "over time": lambda words: charts.over_time(
        picture(np.zeros(8_000, np.float32), 8_000),
        Timeline(
            prediction(words).labels,
            np.array([0, 5, 8], np.float32),
            prediction(words).probabilities,
            prediction(words).winners,
        ),
        [Event(0, 5, words)],
    ),
}


@pytest.mark.parametrize("kind", FIGURES)
def test_figures_show_words_as_words(kind: str, nasty: str) -> None:
    plain, other = (list(texts(FIGURES[kind](words))) for words in (WORDS, nasty))
    assert [Skeleton(text).elements for text in other] == [Skeleton(text).elements for text in plain]
    assert any(one_line(nasty)[:12] in one_line(unescape(text)) for text in other)


# --- Markdown ---------------------------------------------------------------------------------------------------------


def tokens(text: str) -> list[str]:
    """What Markdown makes of a text: the kinds of its blocks and of what is in them, without the text itself."""
    found = []
    for block in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text):
        found.append(block.type)
        found += [part.type for part in block.children or [] if part.type not in ("text", "text_special")]
    return [kind for kind in found if kind != "code_inline"]  # a text that cannot be code is shown as text


def head_of(words: str) -> HeadRecord:
    return HeadRecord(
        method=words,
        classes=(words, "rain"),
        model=words,
        revision=words,
        data=words,
        licence=words,
        notice=f"a {words}",
        scores=(HeadScore(data=words, n=3, accuracy=0.5, zero_shot=0.4),),
        settings={words: 1.0},
    )


@pytest.mark.parametrize(
    "write", [lambda words: as_report(pack_of(words)), lambda words: card(head_of(words))], ids=["report", "card"]
)
def test_reports_and_cards_show_words_as_words(write: Callable[[str], str], nasty: str) -> None:
    plain, other = write(WORDS), write(nasty)
    body = lambda text: text.split("\n---\n", 1)[-1] if text.startswith("---") else text  # noqa: E731, without the YAML
    assert tokens(body(other)) == tokens(body(plain))
    outside_code = re.sub(r"^```.*?^```|`[^`\n]*`", "", body(other), flags=re.S | re.M)
    assert "<" not in outside_code and not re.search(r"(?<!\\)\$", outside_code), "HTML, or mathematics"
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", other)


def test_the_metadata_of_a_card_holds_the_words_and_no_fields_of_theirs(nasty: str) -> None:
    data = ModelCard(card(head_of(nasty))).data.to_dict()
    assert set(data) <= {"library_name", "pipeline_tag", "tags", "license"}
    assert data["tags"] == ["audioprompt", "few-shot", one_line(nasty)]


def test_a_chart_of_a_report_holds_numbers_alone(nasty: str) -> None:
    (chart,) = re.findall(r"```mermaid\n(.*?)```", as_report(pack_of(nasty)), re.S)
    (plain,) = re.findall(r"```mermaid\n(.*?)```", as_report(pack_of(WORDS)), re.S)
    assert chart == plain
