"""Erasing a listener from everything that is kept."""

from __future__ import annotations

from data.store import Store
from recsys.trial import forget
from recsys.workspace import Workspace


def erase_listener(workspace: Workspace, store: Store, user_id: str) -> int:
    """Delete what is held about a listener, and keep it from coming back.

    The store comes first: a training that is under way asks it whom to leave out before it
    publishes. Model weights name nobody; what they learned from this listener stays in them, mixed
    with everybody's, until the next training.

    Returns
    -------
    int
        Events that were deleted.

    Raises
    ------
    DataError
        If the id is empty or not valid text.
    """
    deleted = store.listeners.erase(user_id)
    forget(workspace.models, user_id)
    return deleted
