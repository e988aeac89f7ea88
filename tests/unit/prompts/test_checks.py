"""Automatic checks on candidates: what they flag, what they leave alone, how well the text tower tells fit words."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audioprompt.core.zero_shot import normalise
from audioprompt.encoding.encoder import embed_prompts, embed_texts
from audioprompt.models import registry
from audioprompt.prompts.checks import MAX_WORDS, MIN_TEMPLATES, AgainstVanilla, Flag, check, nearness
from audioprompt.prompts.generators import OfflineLexicon, Task
from audioprompt.prompts.pack import Category
from audioprompt.prompts.store import BUNDLED, PromptStore
from audioprompt.prompts.template import Template


def flags_of(text: str, labels: Sequence[str] = ("rain", "owl")) -> list[tuple[str, str]]:
    """Kind and reason of a template's flags, without the mild one."""
    ((*flags,),) = check([Template.parse(text)], labels)
    return [(flag.kind, flag.reason) for flag in flags if flag.kind != "format"]


# --- the text ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "the sound of {}",
        "{}",
        "{} sound",
        "This is a sound of a {}.",
        "I can hear {}",
        "A loud sound of a {} coming from a street",
        "A far-off {} can be heard coming from behind a door",
        "The sound of {} coming from outside",
        "The sound of {} coming from an outside broadcast",
        "The sound of {} coming from the streets",
        "The sound of {} coming from streets",
        "The sound of {} coming from Paris",
        "The sound of {} coming from home",
        "The sound of {} coming from a bus",
        "The sound of {} coming from a glass of water",
        "The sound of {} coming from a crossroads",
        "The sound of {} coming from a choir of children",
        "The sound of {} coming from an a cappella choir",
        "The sound of {} coming from someone’s phone, which is (almost) “muted”",  # noqa: RUF001
        "A sound of {} in an MRI scanner",
        "An 8-bit sound of {}",
    ],
)
def test_good_texts_are_left_alone(text: str) -> None:
    assert flags_of(text) == []


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("A loud sound of a a {}", "article", "has 'a a': one of the two is too many"),
        ("A the loud sound of {}", "article", "has 'A the': one of the two is too many"),
        ("The sound of {} coming from a the street", "article", "has 'a the': one of the two is too many"),
        ("The sound of {} coming from a outside", "article", "has 'a outside', which takes 'an'"),
        ("The sound of {} coming from an outside", "article", "has an article before 'outside', which takes none"),
        ("The sound of {} coming from a streets", "article", "has 'a' before the plural 'streets'"),
        ("The sound of {} coming from a busy city streets", "article", "has 'a' before the plural 'streets'"),
        ("The sound of {} coming from a people", "article", "has 'a' before the plural 'people'"),
        ("The sound of {} coming from a traffic", "article", "has 'a' before 'traffic': write 'the', or no article"),
        ("A eager sound of {}", "article", "has 'A eager', which takes 'an'"),
        ("An loud sound of {}", "article", "has 'An loud', which takes 'a'"),
        ("The sound of {} coming from busy street", "article", "lacks an article before 'busy street'"),
        ("Loud sound of {}", "article", "lacks an article before 'Loud'"),
        ("A loud, {}s", "slot", "joins the label to a word: put a blank between them"),
        ("A non{}", "slot", "joins the label to a word: put a blank between them"),
        ("The sound of a violin coming from a {}", "slot", "has the label where the source belongs"),
        ("A {} sound of a violin", "slot", "has the label where the attribute belongs"),
        ("A loud loud sound of {}", "wording", "says 'loud' twice"),
        ("The sound of of {}", "wording", "says 'of' twice"),
        ("A <attribute> sound of {}", "wording", "has '<attribute>', which looks left over"),
        ("An attribute sound of {}", "wording", "has 'attribute', which looks left over"),
        ("The sound of {} coming from a [place]", "wording", "has '[place]', which looks left over"),
        ("The sound of {} in a(n) office", "wording", "has 'a(n)', which looks left over"),
        ("The sound of {} &amp; more", "wording", "has '&amp;', which looks left over"),
        ("The sound of {} from a ___", "wording", "has '___', which looks left over"),
        ("12. A loud sound of {}", "wording", "starts with a list's number or bullet"),
        ("- A loud sound of {}", "wording", "starts with a list's number or bullet"),
        ("A *loud* sound of {} 🔔", "wording", "has odd characters: * 🔔"),
        ("A lоud sound of {}", "wording", "mixes scripts: Cyrillic, Latin"),  # noqa: RUF001
        ("word " * MAX_WORDS + "{}", "wording", "is 26 words long: above 25 words the label loses its weight"),
        (
            "The sound of {} coming from an owl",
            "label",
            "names 'owl', which is a label itself: every prompt sounds like",
        ),
        ("The sound of {} among Owls", "label", "names 'owl', which is a label itself: every prompt sounds like"),
    ],
)
def test_flaws_are_named(text: str, kind: str, reason: str) -> None:
    assert any(found == kind and said.startswith(reason) for found, said in flags_of(text)), flags_of(text)


def test_labels_with_their_own_article() -> None:
    reason = "puts an article before 'a dog', which has its own"
    assert flags_of("the sound of a {}", ("owl", "a dog", "the sea")) == [("article", reason)]
    assert flags_of("the sound of {}", ("a dog",)) == []


def test_words_within_words_are_no_labels() -> None:
    assert flags_of("The growl of {} coming from a brainy place", ("owl", "rain", "")) == []


def test_free_wording_is_a_mild_flag() -> None:
    assert check([Template.parse("I hear {}")]) == [(Flag("format", "is in none of the three formats"),)]
    assert check([Template.tspe("loud", "hall"), Template.tspe("loud")]) == [(), ()]


def test_shipped_packs_read_well() -> None:
    for pack in map(PromptStore().get, sorted(BUNDLED)):
        for label_list in ((), *pack.label_presets.values()):
            for template, flags in zip(pack.approved, check(pack.approved, label_list), strict=True):
                assert {flag.kind for flag in flags} <= {"format", "label"}, (template.text, flags)


@given(st.text(max_size=60), st.text(max_size=60), st.lists(st.text(max_size=9), max_size=3))
def test_any_text_can_be_checked(before: str, after: str, labels: list[str]) -> None:
    try:
        template = Template(before + "{label}" + after)
    except ValueError:
        return
    for flag in check([template], labels)[0]:
        assert flag.reason


def test_duplicates_name_their_twin() -> None:
    templates = [Template.parse(text) for text in ("The sound of {}", "the sound of a {}!", "a tone of {}")]
    (first, second, third) = check(templates)
    assert Flag("duplicate", "is the same as 'The sound of {label}'") in second
    assert not any(flag.kind == "duplicate" for flag in first + third)


# --- by embeddings, on vectors made by hand ---------------------------------------------------------------------------

MANY = [Template.tspe(f"{letter}-like") for letter in "bcdfghjklmpqrst"]
LABELS = ("rain", "owl", "bell")
AXES = np.eye(20, dtype=np.float32)


def directions(seed: int = 0) -> Any:
    """Embeddings of MANY templates, each a label's own direction and a little of the template's: ``[K, C, D]``."""
    rng = np.random.default_rng(seed)
    added = AXES[3 : 3 + len(MANY)] + 0.1 * rng.normal(size=(len(MANY), 20))
    return normalise((AXES[:3] + 0.2 * added[:, None]).astype(np.float32))


def test_different_templates_are_not_flagged() -> None:
    assert check(MANY, LABELS, directions(), AXES[:3]) == [()] * len(MANY)


def test_near_duplicates_name_their_twin() -> None:
    prompts = directions()
    prompts[7] = normalise(prompts[4] + 0.01)
    flags = check(MANY, LABELS, prompts)
    assert flags.pop(7) == (Flag("similar", f"means about the same as '{MANY[4].text}'"),)
    assert flags == [()] * (len(MANY) - 1)


def test_a_duplicate_is_flagged_once() -> None:
    templates = [*MANY[:-1], Template.parse(MANY[0].text.lower())]
    prompts = directions()
    prompts[-1] = prompts[0]
    assert [flag.kind for flag in check(templates, LABELS, prompts)[-1]] == ["format", "duplicate"]


def test_words_that_leave_too_little_of_the_labels() -> None:
    prompts = directions()
    prompts[5] = normalise(prompts[5] - 0.5 * AXES[:3].sum(axis=0))
    flags = check(MANY, LABELS, prompts, AXES[:3])
    (flag,) = flags.pop(5)
    assert flag.kind == "unsuited"
    assert flag.reason.startswith("'h-like' has little to do with ")
    assert sorted(flag.reason.removeprefix("'h-like' has little to do with ").split(", ")) == sorted(LABELS)
    assert flags == [()] * (len(MANY) - 1)


def test_words_that_draw_a_label_to_another() -> None:
    prompts = directions()
    prompts[5, 0] = normalise(prompts[5, 0] + 1.1 * AXES[1])
    flags = check(MANY, LABELS, prompts, AXES[:3])
    assert Flag("confusing", "'h-like' pulls rain towards owl") in flags.pop(5)
    assert not any(flag.kind == "confusing" for some in flags for flag in some)


def test_labels_that_are_always_confused_are_no_templates_fault() -> None:
    prompts = directions()
    prompts[:, 0] = prompts[:, 1]
    assert not any(flag.kind == "confusing" for some in check(MANY, LABELS, prompts, AXES[:3]) for flag in some)


def test_a_few_templates_are_not_held_against_each_other() -> None:
    few = MIN_TEMPLATES - 1
    prompts = directions()[:few]
    prompts[5] = normalise(-prompts[5])
    assert check(MANY[:few], LABELS, prompts, AXES[:3]) == [()] * few
    assert check([], LABELS, prompts[:0], AXES[:3]) == []
    assert check(MANY[:1], LABELS, prompts[:1], AXES[:3]) == [()]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompts": directions()[1:]}, r"prompts must be \[15, 3, dim\]"),
        ({"plain": AXES[:2]}, r"plain must be \[3, 20\]"),
        ({"recalls": AgainstVanilla(np.ones(2, int), np.ones((15, 2), int), np.ones((15, 2), int))}, "recalls must be"),
    ],
)
def test_shapes_are_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(MANY, LABELS, **({"prompts": directions(), "plain": AXES[:3]} | changes))


# --- by clips ---------------------------------------------------------------------------------------------------------


def test_counting_against_vanilla() -> None:
    targets = np.array([0, 0, 0, 1, 1, 1])
    vanilla = np.array([0, 0, 1, 1, 0, 0])
    chosen = np.array([[0, 1, 0, 1, 1, 0], [1, 1, 1, 0, 0, 0], targets])
    counted = AgainstVanilla.count(chosen, vanilla, targets, 3)
    assert counted.right.tolist() == [2, 1, 0]
    assert counted.lost.tolist() == [[1, 0, 0], [2, 1, 0], [0, 0, 0]]
    assert counted.won.tolist() == [[1, 1, 0], [0, 0, 0], [1, 2, 0]]


@pytest.mark.parametrize(
    ("right", "lost", "won", "flagged"),
    [
        (8, 6, 0, True),
        (8, 6, 1, False),  # a chance of 1 in 16
        (20, 7, 1, True),
        (5, 5, 0, True),
        (4, 4, 0, False),  # may be chance
        (40, 10, 0, False),  # a quarter only
        (8, 0, 0, False),
        (0, 0, 5, False),
    ],
)
def test_clear_losses_are_flagged(right: int, lost: int, won: int, flagged: bool) -> None:
    recalls = AgainstVanilla(np.array([9, right]), np.array([[0, lost]]), np.array([[0, won]]))
    (flags,) = check([Template.tspe("loud")], ("owl", "rain"), recalls=recalls)
    expected = Flag("loses", f"loses {lost} of {right} rain clips that vanilla gets right")
    assert flags == ((expected,) if flagged else ())


def test_several_losses_are_named_worst_first() -> None:
    lost = np.array([[5, 9, 6, 7]])
    recalls = AgainstVanilla(np.full(4, 9), lost, np.zeros_like(lost))
    ((flag,),) = check([Template.tspe("loud")], ("dog", "owl", "rain", "bell"), recalls=recalls)
    reason = "loses 9 of 9 owl clips, 7 of 9 bell clips, 6 of 9 rain clips and 1 more that vanilla gets right"
    assert flag == Flag("loses", reason)


# --- how well the bundled model's text tower tells words that suit ----------------------------------------------------
# Hand-made pairs of words for one label, the first of which plainly suits it better; "from" marks sources. The measure
# and its limits were chosen on the first list, which takes up the paper's examples; the second was written afterwards
# and measured once.

CHOSEN_ON: dict[Category, tuple[tuple[str, ...], list[tuple[str, str, str]]]] = {
    "instruments": (
        ("piano", "flute", "violin", "organ", "guitar", "drum", "trumpet", "harp", "cello", "clarinet"),
        [
            ("piano", "melodious", "barking"),
            ("flute", "gentle", "explosive"),
            ("violin", "from orchestra", "from zoo"),
            ("organ", "from church", "from airport"),
            ("violin", "from opera", "from farm"),
            ("guitar", "strummed", "crashing"),
            ("drum", "rhythmic", "whispering"),
            ("trumpet", "from jazz band", "from kitchen"),
            ("harp", "delicate", "screeching"),
            ("cello", "mellow", "screaming"),
            ("clarinet", "from concert hall", "from motorway"),
            ("piano", "from music room", "from swamp"),
        ],
    ),
    "acoustic_scenes": (
        (
            "dog bark",
            "rooster",
            "rain",
            "sea waves",
            "crying baby",
            "clock tick",
            "helicopter",
            "chainsaw",
            "crackling fire",
            "church bells",
            "birds",
            "jackhammer",
            "bicycle",
            "footsteps",
        ),
        [
            ("dog bark", "from backyard", "from orchestra"),
            ("rooster", "from farm", "from subway"),
            ("rain", "steady", "metallic"),
            ("rain", "from roof", "from guitar"),
            ("sea waves", "from beach", "from office"),
            ("crying baby", "from nursery", "from construction site"),
            ("clock tick", "regular", "roaring"),
            ("helicopter", "from the sky", "from kitchen"),
            ("chainsaw", "from forest", "from classroom"),
            ("crackling fire", "from fireplace", "from swimming pool"),
            ("church bells", "from church tower", "from aquarium"),
            ("birds", "chirping", "mechanical"),
            ("jackhammer", "from street", "from opera"),
            ("bicycle", "from road", "from concert hall"),
            ("footsteps", "from hallway", "from aquarium"),
        ],
    ),
    "music_genre": (
        ("jazz", "rock", "classical", "hip hop", "metal", "disco", "blues", "country", "reggae", "pop"),
        [
            ("jazz", "from concert hall", "from swamp"),
            ("rock", "from stage", "from library"),
            ("classical", "from symphony orchestra", "from garage"),
            ("hip hop", "from nightclub", "from church"),
            ("metal", "distorted", "soothing"),
            ("disco", "from dance floor", "from library"),
            ("blues", "soulful", "mechanical"),
            ("reggae", "from beach party", "from courtroom"),
        ],
    ),
    "impact_emergency": (
        ("gunshot", "explosion", "siren", "glass breaking", "thunder", "car crash", "fire alarm", "scream"),
        [
            ("gunshot", "sudden", "melodious"),
            ("explosion", "thunderous", "gentle"),
            ("gunshot", "from shooting range", "from concert hall"),
            ("explosion", "from parking lot", "from nursery"),
            ("siren", "wailing", "whispering"),
            ("siren", "from ambulance", "from aquarium"),
            ("glass breaking", "shattering", "murmuring"),
            ("thunder", "rumbling", "squeaky"),
            ("car crash", "from motorway", "from orchestra"),
            ("fire alarm", "from burning building", "from meadow"),
        ],
    ),
    "vocal_sounds": (
        ("cough", "laughter", "sneeze", "sigh", "sniff", "throat clearing", "snoring"),
        [
            ("cough", "hushed", "orchestral"),
            ("laughter", "from hall", "from engine"),
            ("cough", "from waiting room", "from forest fire"),
            ("sneeze", "sudden", "melodious"),
            ("snoring", "from bedroom", "from factory"),
            ("sigh", "weary", "deafening"),
            ("laughter", "cheerful", "mechanical"),
            ("throat clearing", "from speaker", "from waterfall"),
        ],
    ),
}
HELD_OUT: dict[Category, tuple[tuple[str, ...], list[tuple[str, str, str]]]] = {
    "instruments": (
        ("saxophone", "accordion", "banjo", "oboe", "xylophone", "bagpipes", "sitar", "mandolin"),
        [
            ("saxophone", "smooth", "crunching"),
            ("saxophone", "from jazz club", "from butcher's shop"),
            ("accordion", "from folk festival", "from laboratory"),
            ("banjo", "twangy", "roaring"),
            ("oboe", "from orchestra", "from petrol station"),
            ("xylophone", "bright", "snarling"),
            ("bagpipes", "from parade", "from swimming pool"),
            ("sitar", "from concert", "from car wash"),
        ],
    ),
    "acoustic_scenes": (
        (
            "thunder",
            "cow",
            "train",
            "vacuum cleaner",
            "frogs",
            "washing machine",
            "door knock",
            "fireworks",
            "bees",
            "waterfall",
        ),
        [
            ("thunder", "rumbling", "giggling"),
            ("cow", "from pasture", "from skyscraper"),
            ("train", "from railway station", "from bathtub"),
            ("vacuum cleaner", "humming", "operatic"),
            ("frogs", "from pond", "from courtroom"),
            ("washing machine", "from laundry room", "from mountain top"),
            ("door knock", "from front door", "from lake"),
            ("fireworks", "booming", "mournful"),
            ("bees", "from beehive", "from cinema"),
            ("waterfall", "from river", "from bank counter"),
        ],
    ),
    "music_genre": (
        ("soul", "folk", "techno", "opera", "punk", "gospel", "salsa", "lullaby"),
        [
            ("soul", "soulful", "robotic"),
            ("folk", "from village fair", "from rocket launch"),
            ("techno", "from nightclub", "from monastery"),
            ("opera", "from opera house", "from gym"),
            ("punk", "raw", "soothing"),
            ("gospel", "from church choir", "from casino"),
            ("salsa", "from dance hall", "from cemetery"),
            ("lullaby", "soothing", "aggressive"),
        ],
    ),
    "impact_emergency": (
        ("fire engine", "bomb", "police car", "breaking window", "tyre screech", "fire", "burglar alarm", "avalanche"),
        [
            ("fire engine", "from burning house", "from ballet school"),
            ("bomb", "from war zone", "from tea party"),
            ("police car", "from car chase", "from bird cage"),
            ("breaking window", "from burglary", "from rainforest"),
            ("tyre screech", "from road", "from bedroom"),
            ("fire", "from burning building", "from ice rink"),
            ("burglar alarm", "blaring", "lulling"),
            ("avalanche", "from mountain", "from supermarket"),
        ],
    ),
    "vocal_sounds": (
        ("yawn", "whistle", "scream", "burp", "hiccup", "sobbing", "chuckle", "humming"),
        [
            ("yawn", "sleepy", "electric"),
            ("whistle", "shrill", "muddy"),
            ("scream", "terrified", "delicious"),
            ("burp", "from dinner table", "from satellite"),
            ("hiccup", "from drunk man", "from turbine"),
            ("sobbing", "from funeral", "from vending machine"),
            ("chuckle", "amused", "icy"),
            ("humming", "from choir", "from quarry"),
        ],
    ),
}


def template_with(words: str) -> Template:
    return Template.tspe(source=words[5:]) if words.startswith("from ") else Template.tspe(attribute=words)


def ranked_right(pairs: dict[Category, tuple[tuple[str, ...], list[tuple[str, str, str]]]]) -> tuple[int, int]:
    """How many pairs of how many the bundled model ranks right by the measure that `check` goes by."""
    model = registry.load("embedded", "cpu")
    right = total = 0
    for labels, rows in pairs.values():
        templates = [template_with(words) for _, good, bad in rows for words in (good, bad)]
        prompts, plain = embed_prompts(model, templates, labels), embed_texts(model, labels)
        near = nearness(prompts, plain)
        for row, (label, _, _) in enumerate(rows):
            column = labels.index(label)
            right += int(near[2 * row, column] > near[2 * row + 1, column])
            total += 1
    return right, total


@pytest.mark.slow
def test_the_text_tower_ranks_most_pairs_right() -> None:
    right, total = ranked_right(CHOSEN_ON)
    assert total == 53
    assert right >= 35  # 38 measured, where chance gives 26
    right, total = ranked_right(HELD_OUT)
    assert total == 42
    assert right >= 35  # 38 measured


OUT_OF_PLACE: dict[Category, list[str]] = {
    "instruments": ["from butcher's shop", "crunching", "snarling", "from petrol station", "from car wash"],
    "acoustic_scenes": ["from courtroom", "operatic", "giggling", "from skyscraper lift", "from bank counter"],
    "music_genre": ["robotic", "from rocket launch", "from gym", "from cemetery", "snoring"],
    "impact_emergency": ["from ballet school", "from tea party", "lulling", "from bird cage", "humorous"],
    "vocal_sounds": ["electric", "from satellite", "from vending machine", "icy", "from turbine"],
}


@pytest.mark.slow
def test_flags_for_unsuitable_words_are_few_and_mostly_right() -> None:
    model = registry.load("embedded", "cpu")
    caught = false = planted = good = 0
    for category, (labels, _) in HELD_OUT.items():
        task, lexicon = Task(category, labels), OfflineLexicon(seed=5)
        templates = list(lexicon.candidates(task, lexicon.ideas(task)))
        templates += [template_with(words) for words in OUT_OF_PLACE[category]]
        flags = check(templates, labels, embed_prompts(model, templates, labels), embed_texts(model, labels))
        odd = [any(flag.kind in ("unsuited", "confusing") for flag in some) for some in flags]
        caught += sum(odd[40:])
        false += sum(odd[:40])
        planted += len(odd[40:])
        good += len(odd[:40])
    assert (planted, good) == (25, 200)
    assert caught >= 3  # 3 measured: few are caught
    assert false <= 14  # 8 measured
