"""Which clip of a pool to label next, and how much the labels given so far are worth.

The pool is clustered, ever more finely as labels come, and the next clip is the most typical one of the cluster with
the fewest labels (as in TypiClust, Hacohen et al. 2022). Where the classes are known beforehand, clusters are finer and
that one comes first whose clips are most in doubt. Labelled clips and words make class weights together, in closed
form: the words count as some clips.

Shapes and letters are those of `audioprompt.core.zero_shot`: C classes, N clips of the pool, L of them labelled, and
D dimensions.
"""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.calibration import choose_temperature
from audioprompt.core.words_and_clips import join, left_out_cosines
from audioprompt.core.zero_shot import Array, cosines, softmax

Clusters = NDArray[np.intp]  # [N], the cluster of each clip
Tree = NDArray[np.float64]  # [N - 1, 4], which clusters are joined one after the other

# Constants chosen on the loops of the training pool, 20 of them and their 8 kinds told apart after 20 labels: steps of
# 1, 5 and 20 clusters do alike, and typical by the fourth power of the cosine is better than by the nearest ten.
CLUSTERS_PER_STEP = 5
CLUSTERS_PER_LABEL = 2  # where the classes are known; chosen on these loops, mixed in pairs, and on the village
LIKENESS = 4
MAX_CLUSTERED = 4000  # clips, of which all pairs are held against each other
WORDS_COUNT = 4.0  # as many clips
PATIENCE = 5  # labels that changed nothing, after which more of them stop paying
MIN_GAIN = 0.01
MIN_PER_CLASS = 2  # labels, before anything is said about more of them


def sample(clips: int) -> NDArray[np.intp]:
    """Return the clips of a pool that are asked for: all of them, or evenly spaced ones of a very large pool."""
    return np.unique(np.linspace(0, clips - 1, min(clips, MAX_CLUSTERED)).round().astype(np.intp))


def grow_tree(audio: Array) -> Tree:
    """Join the clips of a pool, ``[N, D]``, to clusters, the nearest first (Ward's method)."""
    from scipy.cluster.hierarchy import linkage  # takes a while to import

    return linkage(audio, "ward") if len(audio) > 1 else np.empty((0, 4))


def cut_tree(tree: Tree, labelled: int, fine: bool = False) -> Clusters:
    """Cut a tree to as many clusters as suit the labels given: 5 at first, 10 from the fifth label on, and so on.

    Args:
        tree: of `grow_tree`.
        labelled: how many clips have a label.
        fine: take two more with every label.
    """
    from scipy.cluster.hierarchy import fcluster

    if not len(tree):
        return np.zeros(1, np.intp)
    more = CLUSTERS_PER_LABEL * labelled if fine else labelled // CLUSTERS_PER_STEP * CLUSTERS_PER_STEP
    clusters = CLUSTERS_PER_STEP + more
    return fcluster(tree, min(clusters, len(tree) + 1), "maxclust").astype(np.intp) - 1


def doubts(audio: Array, weights: Array, logit_scale: float) -> Array:
    """How much there is to learn of each clip: the square of the chance that it is named wrongly, ``[N]``.

    Args:
        audio: embeddings of the pool, ``[N, D]``.
        weights: `class_weights` of the labels given so far, ``[C, D]``.
        logit_scale: the model's own.
    """
    return (1 - softmax(logit_scale * cosines(audio, weights)).max(axis=1)) ** 2


def choose_next(
    audio: Array,
    clusters: Clusters,
    labelled: Sequence[int],
    skipped: Collection[int] = (),
    doubt: Array | None = None,
) -> int | None:
    """Return the clip to label next; None where there is none left.

    Args:
        audio: embeddings of the pool, ``[N, D]``.
        clusters: of the pool, ``[N]``.
        labelled: clips that have a label.
        skipped: clips that nobody wants to label.
        doubt: `doubts` of the pool, ``[N]``; None where they are not known: clips are then as good as each other.
    """
    left = np.ones(len(audio), bool)
    left[[*labelled, *skipped]] = False
    if not left.any():
        return None
    worth = np.bincount(clusters, doubt)
    labels = np.bincount(clusters[list(labelled)], minlength=len(worth))
    best = min(np.unique(clusters[left]), key=lambda one: (labels[one], -worth[one]))
    members = np.flatnonzero(clusters == best)
    candidates = left[members]
    return int(members[candidates][typicality(audio[members])[candidates].argmax()])


def typicality(audio: Array) -> Array:
    """How much each clip of a cluster is like all of them, 0 to 1: ``[N, D]`` -> ``[N]``."""
    return (np.maximum(cosines(audio, audio), 0) ** LIKENESS).mean(axis=1)


def class_weights(words: Array, audio: Array, targets: NDArray[np.intp]) -> Array:
    """Let words and labelled clips speak together: ``[C, D]``, ``[L, D]``, ``[L]`` -> ``[C, D]``."""
    return join(words, audio, targets, WORDS_COUNT)


def expected_accuracy(pool: Array, words: Array, audio: Array, targets: NDArray[np.intp], logit_scale: float) -> float:
    """Expect how many clips without a label are named rightly: the mean probability of the answers for them.

    Probabilities are tempered by how each labelled clip is named without its own label. How many of these are named
    rightly says too little of the pool: the clips that are asked for are the hard ones.

    Args:
        pool: the clips without a label, ``[N, D]``.
        words: class weights by words alone, ``[C, D]``.
        audio: the labelled clips, ``[L, D]``.
        targets: their classes, ``[L]``.
        logit_scale: the model's own.
    """
    left_out = logit_scale * left_out_cosines(words, audio, targets, WORDS_COUNT)
    scale = logit_scale / choose_temperature(left_out, targets, len(targets))
    return float(softmax(scale * cosines(pool, class_weights(words, audio, targets))).max(axis=1).mean())


def stops_paying(estimates: Sequence[float | None], targets: Sequence[int]) -> bool:
    """Whether the last labels have brought nothing: the estimate has not risen by a point over five of them.

    Args:
        estimates: after each label, in their order.
        targets: the class of each label.
    """
    if len(estimates) <= PATIENCE or np.unique(targets, return_counts=True)[1].min() < MIN_PER_CLASS:
        return False
    known = [one for one in estimates[-PATIENCE - 1 :] if one is not None]
    return len(known) > PATIENCE and max(known[1:]) < known[0] + MIN_GAIN
