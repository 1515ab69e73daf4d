"""Candidate sources: each proposes tracks for a listener and scores any track it can."""

from ranker.sources.base import CandidateSource
from ranker.sources.bridge import BridgeSource
from ranker.sources.collaborative import CollaborativeSource
from ranker.sources.content import ContentSource
from ranker.sources.popular import PopularSource

__all__ = [
    "BridgeSource",
    "CandidateSource",
    "CollaborativeSource",
    "ContentSource",
    "PopularSource",
]
