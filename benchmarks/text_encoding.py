"""How fast many short prompts are encoded, here and by msclap: ``python -m benchmarks.text_encoding``.

40 templates filled with the 50 classes of ESC-50 are 2,000 texts. `embed_prompts` sorts them by length and pads each
batch to its longest text; msclap pads every text to 77 tokens, the most that it can read. Both run MS-CLAP 2023 with
the same random weights, nothing is cached, and their embeddings are compared. msclap gets the texts in batches of
``THEIR_BATCH``, with which it is fastest.

Both sides encode every tenth class, 200 texts, and take turns; ``--whole`` takes all 2,000 once, some ten minutes. The
figure is the median over the turns of how many times faster ours was. Time is what the process worked, on one thread;
with ``--wall`` it is clock time on all cores.

The tokenizer is trained on the texts; they are 11.3 tokens long on average, as with GPT-2's own (11.4).
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from audioprompt.core.zero_shot import normalise
from audioprompt.encoding.encoder import embed_prompts
from audioprompt.prompts.store import PromptStore
from benchmarks.embedded_model import Figure, at_least
from benchmarks.side_by_side import SAME, alternate, ours_and_theirs, report, stopwatch

PACKS = ("acoustic-scenes", "impact-emergency")  # of 20 templates each
LABELS = """
    airplane, breathing, brushing teeth, can opening, car horn, cat, chainsaw, chirping birds, church bells, clapping,
    clock alarm, clock tick, coughing, cow, crackling fire, crickets, crow, crying baby, dog, door knock,
    door wood creaks, drinking sipping, engine, fireworks, footsteps, frog, glass breaking, hand saw, helicopter, hen,
    insects, keyboard typing, laughing, mouse click, pig, pouring water, rain, rooster, sea waves, sheep,
    siren, sneezing, snoring, thunderstorm, toilet flush, train, vacuum cleaner, washing machine, water drops, wind
"""
EVERY = 10  # class is encoded
THEIR_BATCH = 16
TURNS = 3
FASTER = 4


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.text_encoding", description="Time the encoding of texts.")
    parser.add_argument("--whole", action="store_true", help="all 2,000 texts, not every tenth class")
    parser.add_argument("--wall", action="store_true", help="clock time on all cores, where nothing else runs")
    arguments = parser.parse_args()
    whole, clock = arguments.whole, stopwatch(arguments.wall)
    templates = [template for pack in PACKS for template in PromptStore().get(pack).approved]
    labels = [label.strip() for label in LABELS.split(",")]
    everything = [template.fill(label) for template in templates for label in labels]
    chosen = labels if whole else labels[::EVERY]
    texts = [template.fill(label) for template in templates for label in chosen]
    print(f"{len(templates)} templates x {len(chosen)} of {len(labels)} classes: {len(texts):,} texts")
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = ours_and_theirs(Path(folder), everything)

        def by_ours() -> np.ndarray:
            return embed_prompts(ours, templates, chosen).reshape(len(texts), -1)

        def by_theirs() -> np.ndarray:
            return np.concatenate([part.numpy() for part in theirs.get_text_embeddings_per_batch(texts, THEIR_BATCH)])

        difference = float(np.abs(by_ours() - normalise(by_theirs())).max())  # and both are warm now
        taken = alternate(clock, by_ours, by_theirs, turns=1 if whole else TURNS)
        tokens = ours.text.tokenize(texts).mask.sum(dim=1).numpy()
    print(f"tokens in a text: {tokens.mean():.1f} on average, {tokens.max()} at most; msclap pads to 77")
    print(f"largest difference between embeddings: {difference:.1e}")
    here, there = np.median(taken, axis=0)
    print(f"\n{'':10}{'seconds':>10}{'texts/s':>10}")
    print(f"{'here':10}{here:10.2f}{len(texts) / here:10.1f}")
    print(f"{'msclap':10}{there:10.2f}{len(texts) / there:10.1f}\n")
    report(
        [
            at_least("text_encoding", float(np.median(taken[:, 1] / taken[:, 0])), "times faster", FASTER),
            Figure("text_encoding difference", difference, "of 1", f"< {SAME:g}", difference < SAME),
        ]
    )


if __name__ == "__main__":
    main()
