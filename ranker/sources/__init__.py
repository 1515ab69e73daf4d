"""Candidate sources: each proposes tracks for a listener and scores any track it can."""

from ranker.sources.base import CandidateSource, ExplainingSource
from ranker.sources.bridge import BridgeSource
from ranker.sources.carried import CarriedSource
from ranker.sources.category import CategorySource
from ranker.sources.centres import CentresSource
from ranker.sources.collaborative import CollaborativeSource
from ranker.sources.content import ContentSource
from ranker.sources.item_item import ItemItemSource
from ranker.sources.popular import PopularSource
from ranker.sources.rising import RisingSource

__all__ = [
    "BridgeSource",
    "CandidateSource",
    "CarriedSource",
    "CategorySource",
    "CentresSource",
    "CollaborativeSource",
    "ContentSource",
    "ExplainingSource",
    "ItemItemSource",
    "PopularSource",
    "RisingSource",
]
