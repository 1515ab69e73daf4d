"""The store: catalogue, listeners, events and embeddings in one database."""

from data.store.analyses import AnalysisJob, AnalysisState, AnalysisStatus
from data.store.events import EventColumns, EventCounts
from data.store.plays import PlayCounts, PlaysOfListener
from data.store.store import Store
from data.store.tracks import FileStamp, UpsertCounts

__all__ = [
    "AnalysisJob",
    "AnalysisState",
    "AnalysisStatus",
    "EventColumns",
    "EventCounts",
    "FileStamp",
    "PlayCounts",
    "PlaysOfListener",
    "Store",
    "UpsertCounts",
]
