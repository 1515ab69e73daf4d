"""The store: catalogue, listeners, events and embeddings in one database."""

from data.store.events import EventColumns, EventCounts
from data.store.store import Store
from data.store.tracks import FileStamp, UpsertCounts

__all__ = ["EventColumns", "EventCounts", "FileStamp", "Store", "UpsertCounts"]
