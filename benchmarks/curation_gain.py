"""What auto-curation gains on clips it did not see: ``python -m benchmarks.curation_gain MANIFEST``.

Templates are selected on the folds named by ``--validate-folds``, every figure is of the folds named by
``--test-folds``, and the bundled model embeds. The candidates are the 40 that the offline lexicon writes for the
classes and ``--category``, or the approved templates of the packs named by ``--pack``. Auto-curation is held against
vanilla, the template that is best alone on the clips for selection, all candidates, 20 drawn at random, and the 20 that
are best alone.

After a table for people comes one line of JSON: name, value, unit, target, ok. The value is the gain over the best of
the three ensembles, in points; the exit code is the verdict.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from audioprompt.core.auto_curation import propose
from audioprompt.core.curation import Choices, Mask, ScoreTable, choices, compare, score_templates
from audioprompt.core.metrics import score
from audioprompt.data import DataError, LabelledClips
from audioprompt.encoding.encoder import embed_clips, embed_prompts, pooled
from audioprompt.models.embedded import EmbeddedModel
from audioprompt.prompts.generators import OfflineLexicon, Task
from audioprompt.prompts.pack import CATEGORIES, Category, PackError
from audioprompt.prompts.store import PromptStore
from audioprompt.prompts.template import VANILLA, Template

HALF = 20  # templates of the paper's curated packs
DRAWS = 200  # random selections


def main() -> None:
    options = parsed()
    try:
        clips = LabelledClips.from_manifest(options.manifest)
        parts = [clips.in_folds(folds) for folds in (options.validate_folds, options.test_folds)]
        templates = candidates(clips.spoken_classes, options.category, options.pack)
    except (DataError, PackError) as error:
        sys.exit(str(error))
    seen, unseen = boards(parts, templates)
    selections = {
        "best alone": best_alone(seen, 1),
        f"all {len(templates)}": seen.everything,
        f"best {HALF} alone": best_alone(seen, HALF),
        "auto-curated": propose(seen),
    }
    print(f"{len(templates)} templates, selected on {seen.n} clips, measured on {unseen.n} others")
    print(f"{'vanilla':24} {accuracy(unseen, unseen.vanilla):6.1f} %")
    found = {name: accuracy(unseen, choices(unseen, selection)) for name, selection in selections.items()}
    drawn = [accuracy(unseen, choices(unseen, selection)) for selection in random_selections(len(templates))]
    for name, selection in selections.items():
        on_seen = accuracy(seen, choices(seen, selection))
        print(f"{name:24} {found[name]:6.1f} %   {selection.sum():2} templates, {on_seen:.1f} % where selected")
    print(f"{f'{HALF} at random':24} {np.mean(drawn):6.1f} %   ± {np.std(drawn):.1f}, mean of {DRAWS}")
    mine = choices(unseen, selections["auto-curated"])
    print(f"auto-curated against vanilla: {compare(unseen, mine, unseen.vanilla)}")
    print(f"auto-curated against all: {compare(unseen, mine, unseen.uncurated)}")
    for template, kept in zip(templates, selections["auto-curated"], strict=True):
        if kept:
            print(f"  {template.text}")
    others = (found[f"all {len(templates)}"], found[f"best {HALF} alone"], float(np.mean(drawn)))
    report("curation_gain", found["auto-curated"] - max(others))


def report(name: str, gain: float) -> None:
    """Print the last line and leave."""
    line = {"name": name, "value": round(gain, 2), "unit": "points", "target": "> 0", "ok": gain > 0}
    print(json.dumps(line))
    sys.exit(0 if gain > 0 else 1)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.curation_gain", description="Measure auto-curation.")
    parser.add_argument("manifest", type=Path, help="CSV file with the columns path, classname and fold")
    parser.add_argument("--validate-folds", type=folds, default=[1, 2], help="where templates are selected: 1,2")
    parser.add_argument("--test-folds", type=folds, default=[3], help="where the selections are measured: 3")
    parser.add_argument("--category", choices=CATEGORIES, help="TSPE task category; by default none")
    parser.add_argument("--pack", action="append", default=[], help="a pack to take the candidates from, or several")
    return parser.parse_args()


def folds(text: str) -> list[int]:
    return [int(fold) for fold in text.split(",")]


def candidates(labels: Sequence[str], category: Category | None, packs: Sequence[str]) -> list[Template]:
    """The templates of some packs, or those that the offline lexicon writes.

    Raises:
        PackError: there is no such pack, or its file is broken.
    """
    if packs:
        return list(dict.fromkeys(template for pack in packs for template in PromptStore().get(pack).approved))
    lexicon, task = OfflineLexicon(), Task(category, tuple(labels))
    return list(lexicon.candidates(task, lexicon.ideas(task)))


def boards(parts: Sequence[LabelledClips], templates: Sequence[Template]) -> list[ScoreTable]:
    """A table of the same templates for each part of the clips."""
    model = EmbeddedModel("cpu")
    prompts = embed_prompts(model, [VANILLA, *templates], parts[0].spoken_classes)
    return [
        score_templates(pooled(embed_clips(model, part.paths)), prompts[0], prompts[1:], part.targets, part.classes)
        for part in parts
    ]


def best_alone(table: ScoreTable, count: int) -> Mask:
    selection = np.zeros(len(table.scores), bool)
    selection[table.ranking(table.everything)[:count]] = True
    return selection


def random_selections(templates: int) -> Iterator[Mask]:
    rng = np.random.default_rng(0)
    for _ in range(DRAWS):
        yield rng.permutation(templates) < HALF


def accuracy(table: ScoreTable, chosen: Choices) -> float:
    """In per cent."""
    return 100 * score(chosen, table.targets).accuracy


if __name__ == "__main__":
    main()
