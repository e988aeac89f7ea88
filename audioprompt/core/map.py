"""Where many embeddings lie, in two dimensions, and which of them lie together."""

import numpy as np
from numpy.typing import NDArray

from audioprompt.core.zero_shot import Array, cosines, normalise

MAX_CLUSTERS = 12
PER_CLUSTER = 4  # vectors, for another one
RANDOM_STATE = 0


def lay_out(vectors: Array) -> Array:
    """Return where vectors lie along their two principal components: ``[N, D]`` -> ``[N, 2]``."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.ascontiguousarray(centred @ axes[:, :-3:-1], np.float32)


def cluster(vectors: Array) -> NDArray[np.intp]:
    """Divide vectors by k-means into at most ``MAX_CLUSTERS``, numbered without gaps: ``[N, D]`` -> ``[N]``."""
    from sklearn.cluster import KMeans

    wanted = min(MAX_CLUSTERS, len(vectors) // PER_CLUSTER, len(np.unique(vectors, axis=0)))
    if wanted < 2:
        return np.zeros(len(vectors), np.intp)
    found = KMeans(wanted, n_init=3, random_state=RANDOM_STATE).fit_predict(vectors)
    return np.unique(found, return_inverse=True)[1]


def name_clusters(vectors: Array, clusters: NDArray[np.intp], words: Array) -> list[int]:
    """Return for each cluster the name that its vectors are nearest to, no name twice: ``[N, D]``, ``[N]``, ``[B, D]``.

    Names are compared by how much nearer they are to this cluster than to all vectors, or the same few would fit most.
    """
    middles = normalise(np.eye(int(clusters.max()) + 1, dtype=np.float32)[clusters].T @ vectors)
    near = cosines(middles, words) - cosines(normalise(vectors.mean(axis=0))[np.newaxis], words) / 2
    names: list[int] = []
    for row in near:
        row[names] = -np.inf
        names.append(int(row.argmax()))
    return names
