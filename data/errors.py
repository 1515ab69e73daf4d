"""Every error the project raises on purpose.

::

    RecsysError
    ├── ParameterError         an argument or a setting is outside what is allowed
    ├── DataError              what was read is not what was expected
    │   └── AudioError         one audio file cannot be analysed
    ├── NotFoundError          a name that nothing answers to
    │   ├── UnknownTrackError
    │   └── UnknownListenerError
    ├── NotReadyError          an earlier step has to run first
    │   └── NotAnalysedError   one track has not been through the pipeline yet
    ├── ArtefactError          a bundle or an encoder is damaged or of another format
    └── WorseModelError        a new model would make lists worse than the live one

A message says what was expected, what came, and what to do.
"""

from __future__ import annotations


class RecsysError(Exception):
    """Base of every error that is the caller's or the data's, not a defect of the program."""


class ParameterError(RecsysError, ValueError):
    """An argument or a setting lies outside what is allowed."""


class DataError(RecsysError):
    """Input that was read is not what its format promises."""


class AudioError(DataError):
    """One audio file cannot be turned into a vector; the message is the reason shown in reports."""


class NotFoundError(RecsysError):
    """A name that nothing in the system answers to."""


class UnknownTrackError(NotFoundError):
    """A track id that is not in the catalogue.

    Parameters
    ----------
    track_id : str
        The id that was asked for.
    """

    def __init__(self, track_id: str) -> None:
        self.track_id = track_id
        super().__init__(
            f"unknown track {track_id!r}: it is not in the catalogue; "
            "register it with `recsys library add` or `recsys library import`"
        )


class UnknownListenerError(NotFoundError):
    """A listener of whom nothing is known.

    Parameters
    ----------
    user_id : str
        The id that was asked for.
    """

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        super().__init__(
            f"nothing is known of the listener {user_id!r}; expected one with a profile or events"
        )


class NotReadyError(RecsysError):
    """An earlier step of the pipeline has to run first; the message names its command."""


class NotAnalysedError(NotReadyError):
    """One track of the catalogue has not been through the pipeline that the answer needs."""


class ArtefactError(RecsysError):
    """A stored artefact (bundle, encoder, index) is damaged, incomplete or of another format."""


class WorseModelError(RecsysError):
    """A new model is significantly worse than the live one, which therefore stays."""
