"""How many cores the arithmetic of a server may spread over."""

import os

from threadpoolctl import threadpool_limits

BLAS_THREADS = "OPENBLAS_NUM_THREADS"  # as OpenBLAS names it, the library behind numpy and scipy


def one_for_matrices() -> None:
    """Keep numpy's and scipy's matrix products on one core from now on, unless the environment says how many.

    Those of a clip are so small that the other cores would spend longer waiting for them than computing, busily: the
    processor time of answering, doubled.
    """
    if BLAS_THREADS not in os.environ:
        os.environ[BLAS_THREADS] = "1"  # for the copies of OpenBLAS that are loaded later
        threadpool_limits(1, user_api="blas")
