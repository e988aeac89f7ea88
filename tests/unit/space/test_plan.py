"""What goes into a Space, and that what people wrote does nothing in it but be read."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import RepoCard, SpaceCardData
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.data.examples import Example, examples
from audioprompt.few_shot.heads import load_head
from audioprompt.models import registry
from audioprompt.prompts.pack import PackEntry, PromptPack
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import Template
from audioprompt.space import Plan, SpaceError, build, files, sizes
from audioprompt.space.plan import names
from tests.unit.space.plans import CLASSES, PACK, plan, save_head

HOSTILE = [
    '"; import os; os.system("id") #',
    "'''\\",
    "--- !!python/object/apply:os.system [id]",
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "{{ 7 * 7 }} ${x} `id` | & *a*",
    "a: b # c",
    "null",
    "雨 🌧",
]


def text_of(plan: Plan, name: str) -> str:
    content = files(plan)[name]
    assert isinstance(content, str)
    return content


def constants(code: str) -> dict[str, object]:
    """What a module assigns to names in capitals, read without running it."""
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(code).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id != "HERE"
    }


def test_a_space_is_whole(tmp_path: Path) -> None:
    chosen = plan(labels=CLASSES, heads=(save_head(tmp_path / "My head"),))
    written = build(chosen, tmp_path / "space")
    held = {
        path.relative_to(tmp_path / "space").as_posix() for path in (tmp_path / "space").rglob("*") if path.is_file()
    }
    assert held == set(written) == set(files(chosen)) and written == sizes(chosen)
    assert all((tmp_path / "space" / name).stat().st_size == size for name, size in written.items())
    assert {"README.md", "LICENSE", "LICENCES.md", "app.py", "requirements.txt", "assets/LICENSES.md"} < held
    assert {name for name in held if name.startswith("prompt_store/")} == {"prompt_store/weather.json"}
    assert {name for name in held if name.startswith("heads/")} == {
        "heads/my-head/head.safetensors",
        "heads/my-head/README.md",
    }
    clips = {name for name in held if name.startswith("assets/examples/")}
    assert clips == {"assets/examples/violin.ogg", "assets/examples/examples.json"}
    assert PromptStore(tmp_path / "space/prompt_store").packs() == [PACK]
    (clip,) = examples(tmp_path / "space/assets/examples")
    assert (clip.title, clip.labels) == (examples()[0].title, examples()[0].labels)
    load_head(tmp_path / "space/heads/my-head", registry.load("embedded"))
    assert not any("__pycache__" in name or "/." in name for name in held)


@pytest.mark.slow
def test_a_space_needs_only_its_own_folder(tmp_path: Path) -> None:
    build(plan(), tmp_path / "space")
    script = """
import sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]  # this checkout's
sys.path = ["", *(place for place in sys.path[1:] if "site-packages" in place or "lib/python" in place)]
import app, audioprompt.cli, audioprompt.ui.app
from audioprompt import data, settings
places = [module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] in ("audioprompt", "app")]
places += [settings.asset_folder("examples"), settings.asset_folder("embedded")]
places += [settings.bundled_store_folder(), settings.store_folder()]
places += [data.demonstration().paths[0]]
print(*(place for place in places if place), sep="\\n")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path / "space", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    places = done.stdout.splitlines()
    assert len(places) > 50 and not [place for place in places if not place.startswith(str(tmp_path / "space"))]


def test_the_card_is_one_to_the_hub() -> None:
    data = RepoCard(text_of(plan(), "README.md")).data
    assert isinstance(SpaceCardData(**data.to_dict()), SpaceCardData)
    found = data.to_dict()
    assert (found["title"], found["sdk"], found["app_file"], found["hf_oauth"]) == (
        "Rain or wind",
        "gradio",
        "app.py",
        True,
    )
    assert found["license"] == "apache-2.0" and len(found["short_description"]) <= 60
    pins = dict(re.findall(r"^(\S+)==(\S+)$", text_of(plan(), "requirements.txt"), re.MULTILINE))
    assert pins["gradio"] == found["sdk_version"]
    assert re.fullmatch(r"3\.\d+", found["python_version"])


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.slow
def test_other_peoples_words_stay_words(words: str, tmp_path: Path) -> None:
    label = words
    pack = PACK.model_copy(update={"title": words, "licence": words})
    head = save_head(tmp_path / "head", licence=words, classes=(label, "rain"))
    added = plan(words, (pack,), labels=(label, "rain"), licence=words, heads=(head,))
    code = constants(text_of(added, "app.py"))
    tabs = {"TABS": ["classify", "explore", "generate", "curate", "learn"]}
    assert code == {"TITLE": words, "MODEL": "embedded", "LABELS": [label, "rain"], "HEADS": ["heads/head"]} | tabs
    card = RepoCard(text_of(added, "README.md"))
    assert card.data.to_dict()["title"] == words and set(card.data.to_dict()) >= {"sdk", "license", "hf_oauth"}
    for text in (card.text, text_of(added, "LICENCES.md"), text_of(added, "heads/head/README.md")):
        assert "<script" not in text and "[click]" not in text


@given(st.text(max_size=90))
def test_any_title_is_refused_or_kept(title: str) -> None:
    try:
        added = plan(title, examples=())
    except SpaceError as error:
        assert "of one line" in str(error)
        return
    assert constants(text_of(added, "app.py"))["TITLE"] == title
    assert RepoCard(text_of(added, "README.md")).data.to_dict()["title"] == title


@given(st.lists(st.text(max_size=70), max_size=8))
def test_names_are_plain_and_distinct(texts: list[str]) -> None:
    found = names(texts)
    assert len(set(found)) == len(found) == len(texts)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*-?(-\d+)?", name) for name in found)


def undecided() -> PromptPack:
    return PACK.model_copy(update={"id": "later", "entries": (PackEntry(template=Template.tspe("loud")),)})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"title": ""}, "title of one line, with at most 80"),
        ({"title": "two\nlines"}, "title of one line"),
        ({"title": "x" * 81}, "title of one line"),
        ({"licence": "a\nb: c"}, "licence of one line"),
        ({"packs": ()}, "at least one pack"),
        ({"packs": (PACK.model_copy(update={"id": "vanilla"}),)}, "at least one pack beside vanilla"),
        ({"packs": (undecided(),)}, "pack later has no approved prompt"),
        ({"model": "../evil"}, "cannot load the model '../evil': choose one of embedded, "),
        ({"labels": ("rain",)}, "at least two labels"),
        ({"labels": ("rain", "Rain", "wind")}, "must differ"),
        ({"heads": (Path("nowhere"),)}, "nowhere"),
        ({"tabs": ("classify", "publish")}, "no tab 'publish': choose of classify, explore, generate, curate, learn"),
        ({"tabs": ("generate",)}, "Generate sends its prompts to Curate: show both"),
        ({"examples": (Example(Path("owl.wav"), "owl", None, (), ""),)}, "say what owl might be: give labels"),
    ],
)
def test_what_makes_no_space_is_refused_in_words(given: dict[str, object], message: str) -> None:
    with pytest.raises(SpaceError, match=re.escape(message)):
        plan(**given)  # type: ignore[arg-type]


def test_labels_with_commas_go_in_as_they_are(tmp_path: Path) -> None:
    classes = ("dog bark, domestic animal", "rain")
    added = plan(heads=(save_head(tmp_path / "head", classes=classes),))
    assert constants(text_of(added, "app.py"))["LABELS"] == list(classes)
    assert constants(text_of(plan(labels=classes), "app.py"))["LABELS"] == list(classes)
    assert "dog bark, domestic animal; rain" in text_of(added, "README.md")


def test_a_head_for_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"made for embedded, and the Space's model is laion-clap: choose"):
        plan(model="laion-clap", heads=(save_head(tmp_path / "head"),))


def test_a_head_for_another_revision_is_refused(tmp_path: Path) -> None:
    old = save_head(tmp_path / "head", revision="1999")
    with pytest.raises(SpaceError, match=r"head cannot go into the Space: .*revision 1999"):
        build(plan(heads=(old,)), tmp_path / "space")
    assert not (tmp_path / "space").exists()


def test_a_heads_classes_are_the_first_labels(tmp_path: Path) -> None:
    heads = (save_head(tmp_path / "head"), save_head(tmp_path / "more/head"))
    assert constants(text_of(plan(heads=heads), "app.py"))["LABELS"] == list(CLASSES)
    assert constants(text_of(plan(heads=heads), "app.py"))["HEADS"] == ["heads/head", "heads/head-2"]
    assert constants(text_of(plan(heads=heads, labels=("sea", "dog")), "app.py"))["LABELS"] == ["sea", "dog"]


def test_beside_a_head_the_space_opens_on_what_fits(tmp_path: Path) -> None:
    head = save_head(tmp_path / "head", classes=("Dog", "tap, with a comma"))
    assert {clip.truth for clip in plan(heads=(head,), examples=None).clips} == {"dog"}, "no violin"
    own = Example(tmp_path / "tap.wav", "tap", None, (), "tap, with a comma")
    unknown = Example(tmp_path / "other.wav", "other", None, (), "")
    chosen = plan(heads=(head,), examples=(examples()[0], unknown, own)).clips
    assert [clip.title for clip in chosen] == ["other", "tap", examples()[0].title]
    assert chosen[0].labels == chosen[1].labels == ("Dog", "tap, with a comma")
    assert chosen[2].labels == examples()[0].labels
    (tmp_path / "tap.wav").write_bytes(b"")
    added = plan(heads=(head,), examples=(own,))
    (entry,) = json.loads(text_of(added, "assets/examples/examples.json"))
    assert entry["labels"] == constants(text_of(added, "app.py"))["LABELS"] == ["Dog", "tap, with a comma"]


def test_a_clip_is_told_apart_by_the_head_that_knows_it(tmp_path: Path) -> None:
    heads = (save_head(tmp_path / "a"), save_head(tmp_path / "b", classes=("owl", "wren")))
    own = tuple(Example(tmp_path / "x.wav", truth, None, (), truth) for truth in ("wren", "rain", ""))
    assert [clip.labels[0] for clip in plan(heads=heads, examples=own).clips] == ["owl", "rain", "rain"]


def test_visitors_see_the_tabs_that_were_chosen() -> None:
    assert constants(text_of(plan(tabs=("learn",)), "app.py"))["TABS"] == ["classify", "learn"]
    assert plan(tabs=()).tabs == ("classify",)


def test_a_full_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SpaceError, match="is not empty"):
        build(plan(), tmp_path)
    with pytest.raises(SpaceError, match="cannot be written to"):
        build(plan(), tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_clip_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"gone\.wav cannot be read"):
        sizes(plan(examples=(Example(tmp_path / "gone.wav", "Gone", None, CLASSES, "rain"),)))


def test_clips_of_ones_own_get_plain_names(tmp_path: Path) -> None:
    own = []
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "My <b> Owl.WAV").write_bytes(b"")
        own.append(Example(tmp_path / place / "My <b> Owl.WAV", "<b>", None, CLASSES, ""))
    index = json.loads(text_of(plan(examples=tuple(own)), "assets/examples/examples.json"))
    assert [entry["file"] for entry in index] == ["my-b-owl.wav", "my-b-owl-2.wav"]
