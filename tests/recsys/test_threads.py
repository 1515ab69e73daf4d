"""Threads of numpy's products."""

from __future__ import annotations

from threadpoolctl import threadpool_info, threadpool_limits

from recsys.threads import one_thread


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_products_take_one_thread_within_and_as_many_as_before_afterwards() -> None:
    decorated = one_thread()(blas_threads)
    with threadpool_limits(limits=2, user_api="blas"):
        with one_thread():
            assert blas_threads() == {1}
        assert decorated() == {1}
        assert blas_threads() == {2}
