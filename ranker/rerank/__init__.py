"""From the ranker's order to the list that is shown: dials, caps, and no recording twice."""

from ranker.rerank.pipeline import rerank

__all__ = ["rerank"]
