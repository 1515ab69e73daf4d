"""The plan of a demo world's library: who made which track, when it came out, and as what file.

Everything is decided here, before a sample is rendered, so that tracks can be rendered in any
order, by any number of processes, and the listening log can be simulated without audio.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

import numpy as np
from numpy.typing import NDArray

from data.demo.artists import Artist, Dials, make_artists, vary
from data.demo.labels import sign
from data.demo.names import artist_names, titles
from data.errors import ParameterError

REFERENCE_TIME = datetime(2026, 6, 30, tzinfo=UTC).timestamp()
"""End of every demo world, UNIX seconds: 2026-06-30T00:00Z, whenever it is written."""

DAY = 86_400.0
WEEK = 7 * DAY
RECENT_WEEKS = 6
"""Weeks before the end over which the newest releases are spread evenly."""
RECENT_SHARE = 0.175
"""Share of the tracks that come out in those weeks."""
EARLIER_SHARE = 0.15
"""Share of the tracks that come out within the period, but before those weeks."""

# Extension, share of the tracks, usual and high sampling rate, shares of high rate and of stereo.
# Encoding MP3 costs more than everything else together, twice as much in stereo and again at
# 44.1 kHz: where a codec is slow, most files are mono at 22.05 kHz. Opus knows neither rate.
_FORMATS = (
    ("mp3", 0.46, (22_050, 44_100), 0.04, 0.04),
    ("flac", 0.30, (22_050, 44_100), 0.3, 0.6),
    ("ogg", 0.16, (22_050, 44_100), 0.1, 0.15),
    ("wav", 0.05, (22_050, 44_100), 0.5, 0.7),
    ("opus", 0.03, (24_000, 48_000), 0.0, 0.0),
)


@dataclass(frozen=True)
class DemoSize:
    """How large a demo world is.

    Parameters
    ----------
    n_artists, tracks_per_artist : int
        Artists, dealt to eight genres in turn, and the tracks of each.
    n_listeners, n_events : int
        Listeners, and rows of the listening log.
    weeks : int
        Length of the log; at least 8, so that something precedes the newest releases.
    seconds : float
        Typical length of a track; lengths lie within a tenth of it.

    Raises
    ------
    ParameterError
        If a number is too small for a world to exist, or the log too long for its listeners.
    """

    n_artists: int = 64
    tracks_per_artist: int = 5
    n_listeners: int = 600
    n_events: int = 75_000
    weeks: int = 26
    seconds: float = 20.0

    def __post_init__(self) -> None:
        lowest = {
            "n_artists": 1,
            "tracks_per_artist": 1,
            "n_listeners": 1,
            "n_events": 10 * self.n_listeners,
            "weeks": RECENT_WEEKS + 2,
            "seconds": 2.0,
        }
        for name, least in lowest.items():
            if not getattr(self, name) >= least:
                raise ParameterError(
                    f"{name} must be at least {least}, got {getattr(self, name)}: raise it"
                )
        most = 200 * self.n_listeners * self.weeks
        if self.n_events > most:
            raise ParameterError(
                f"n_events must be at most {most} (200 a listener and week), got {self.n_events}: "
                "lower it, or raise n_listeners"
            )
        if self.seconds > 600:
            raise ParameterError(f"seconds must be at most 600, got {self.seconds}: lower it")

    @property
    def start_time(self) -> float:
        """Begin of the listening log, UNIX seconds."""
        return REFERENCE_TIME - self.weeks * WEEK


@dataclass(frozen=True, slots=True)
class Song:
    """One track of the plan.

    Parameters
    ----------
    artist : Artist
        Who plays.
    artist_index : int
        Position of the artist in the plan.
    title, album : str
        Names in the tags.
    number : int
        Position on the album.
    released : float
        When it becomes available, UNIX seconds; the file's modification time.
    year : int
        Year in the tags.
    dials : Dials
        How it sounds.
    tonic : int
        Semitones above C of its key.
    seconds : float
        Length.
    seed : tuple of int
        Seed of everything that composing and rendering draw.
    extension : str
        ``mp3``, ``flac``, ``ogg``, ``wav`` or ``opus``.
    sr : int
        Samples a second.
    channels : int
        1 or 2.
    """

    artist: Artist
    artist_index: int
    title: str
    album: str
    number: int
    released: float
    year: int
    dials: Dials
    tonic: int
    seconds: float
    seed: tuple[int, ...]
    extension: str
    sr: int
    channels: int

    @property
    def path(self) -> str:
        """Path of the file below the world's folder, with ``/``."""
        name = f"{self.number:02d} {self.title}.{self.extension}"
        return f"music/{self.artist.name}/{self.album}/{name}"


def plan_songs(seed: int, size: DemoSize) -> list[Song]:
    """Every track of the world, artist after artist, each artist's in the order of release."""
    rng = np.random.default_rng((seed, 1))
    artists = sign(make_artists(artist_names(size.n_artists, rng), rng))
    released = _releases(size, rng)
    n_songs = size.n_artists * size.tracks_per_artist
    ranks = rng.permutation(n_songs)
    songs: list[Song] = []
    for artist_index, artist in enumerate(artists):
        names = titles(size.tracks_per_artist + 2, rng)
        albums, names = names[:2], names[2:]
        debut = int(rng.integers(artist.genre.years[0], artist.genre.years[1] + 1))
        numbers = {album: count(1) for album in albums}
        for position, title in enumerate(names):
            when = released[artist_index, position]
            # What came out before the period is the first album, what is newer the second.
            new = bool(when >= size.start_time)
            album = albums[1] if new else albums[0]
            if not new:
                when = datetime(debut, 1 + artist_index % 12, 1, 12, tzinfo=UTC).timestamp()
            song = len(songs)
            extension, sr, channels = _file_kind((ranks[song] + 0.5) / n_songs, rng)
            songs.append(
                Song(
                    artist=artist,
                    artist_index=artist_index,
                    title=title,
                    album=album,
                    number=next(numbers[album]),
                    released=float(when),
                    year=datetime.fromtimestamp(when, UTC).year,
                    dials=vary(artist.dials, artist.genre, 0.14, rng),
                    tonic=(artist.tonic + int(rng.choice([0, 0, 5, 7, 9]))) % 12,
                    seconds=size.seconds * rng.uniform(0.91, 1.09),
                    seed=(seed, 2, song),
                    extension=extension,
                    sr=sr,
                    channels=channels,
                )
            )
    return songs


def _releases(size: DemoSize, rng: np.random.Generator) -> NDArray[np.float64]:
    """Release times [shape=(n_artists, tracks_per_artist)], ascending along each row.

    0 stands for before the period. The newest are dealt to artists in turn, at most one more to
    one artist than to another, in random order of artists.
    """
    n_songs = size.n_artists * size.tracks_per_artist
    n_recent = max(3, round(RECENT_SHARE * n_songs)) if n_songs > 3 else 0
    n_earlier = int(EARLIER_SHARE * n_songs)
    first = REFERENCE_TIME - RECENT_WEEKS * WEEK
    # One release in each of equal spans, so that every week has its share of new tracks.
    spans = (np.arange(n_recent) + rng.uniform(0.1, 0.9, n_recent)) / max(n_recent, 1)
    recent = first + spans * RECENT_WEEKS * WEEK
    earlier = rng.uniform(size.start_time + 0.5 * WEEK, first, n_earlier)
    times = np.concatenate([rng.permutation(recent), rng.permutation(earlier)])
    deal = np.resize(rng.permutation(size.n_artists), min(len(times), n_songs))
    released = np.zeros((size.n_artists, size.tracks_per_artist))
    filled = np.zeros(size.n_artists, np.intp)
    for artist, when in zip(deal, times, strict=False):
        if filled[artist] < size.tracks_per_artist:
            released[artist, filled[artist]] = np.floor(when)
            filled[artist] += 1
    return np.sort(released, axis=1)


def _file_kind(rank: float, rng: np.random.Generator) -> tuple[str, int, int]:
    """Extension, sampling rate and channels of the track at `rank` (0 … 1) of a random order."""
    edges = np.cumsum([kind[1] for kind in _FORMATS])
    kind = _FORMATS[min(int(np.searchsorted(edges, rank)), len(_FORMATS) - 1)]
    extension, _, rates, high, stereo = kind
    return extension, rates[int(rng.random() < high)], 1 + int(rng.random() < stereo)
