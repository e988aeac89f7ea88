"""How many cores arithmetic beside a model may spread over."""

import os

from threadpoolctl import threadpool_limits

from audioprompt.settings import BLAS_THREADS


def one_for_matrices() -> None:
    """Keep numpy's and scipy's matrix products on one core from now on, unless the environment says how many.

    Those of a clip are so small that the other cores would spend longer waiting for them than computing, busily: the
    processor time of answering, doubled.
    """
    if not BLAS_THREADS:
        os.environ[BLAS_THREADS.name] = BLAS_THREADS.value  # for the copies of OpenBLAS that are loaded later
        threadpool_limits(int(BLAS_THREADS.value), user_api="blas")
