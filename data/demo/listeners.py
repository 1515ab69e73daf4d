"""Simulation of the demo world's listening log.

Each listener comes in sessions. A session has a mood, and mixes what the listener knows (more
likely the more it was played) with what is unheard (more likely the better it fits, and the newer
it is). What fits badly is broken off; what fits well is heard again, and sometimes liked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.demo.catalogue import REFERENCE_TIME, WEEK, DemoSize, Song
from data.demo.tastes import Floats, Tastes, draw_tastes
from data.events import EventKind
from data.interactions import SKIPPED_BELOW

_OPINION_SHARE = 0.045
_DISLIKE_SHARE = 0.15
_SESSION_LISTENS = 8
_HOUR = 3600.0
_FRESH_WEEKS = 4.0
_MOOD = 0.25


@dataclass(frozen=True)
class ListeningLog:
    """Events in the order of time (then of listeners).

    Parameters
    ----------
    user_index, item_index : np.ndarray [shape=(n_events,)]
        Positions of the listener and of the track in the plan.
    timestamp : np.ndarray [shape=(n_events,)]
        UNIX seconds, whole.
    kind : np.ndarray [shape=(n_events,)]
        ``EventKind.code``.
    play_ratio : np.ndarray [shape=(n_events,)]
        Share heard, 0 … 1; NaN for all but plays.
    """

    user_index: NDArray[np.int64]
    item_index: NDArray[np.int64]
    timestamp: Floats
    kind: NDArray[np.int64]
    play_ratio: Floats

    def __len__(self) -> int:
        return len(self.user_index)


@dataclass(frozen=True)
class _Listens:
    """Consecutive listens of one listener: tracks, times, shares heard and standardised liking."""

    items: NDArray[np.int64]
    times: Floats
    heard: Floats
    liking: Floats


def simulate(songs: Sequence[Song], seed: int, size: DemoSize) -> ListeningLog:
    """The listening log of a world, of exactly ``size.n_events`` rows.

    Parameters
    ----------
    songs : sequence of Song
        The catalogue.
    seed : int
        Seed of the world.
    size : DemoSize
        Size of the world.
    """
    rng = np.random.default_rng((seed, 3))
    tastes = draw_tastes(songs, size.n_listeners, rng)
    n_opinions = round(_OPINION_SHARE * size.n_events)
    counts = _allocate(size.n_events - n_opinions, tastes.activity, least=5)
    user_of, parts = [], []
    for user, count in enumerate(counts.tolist()):
        own = np.random.default_rng((seed, 4, user))
        for part in _sessions(user, count, tastes, songs, size, own):
            parts.append(part)
            user_of.append(np.full(len(part.items), user))
    users = np.concatenate(user_of)
    items = np.concatenate([part.items for part in parts])
    times = np.concatenate([part.times for part in parts])
    heard = np.concatenate([part.heard for part in parts])
    liking = np.concatenate([part.liking for part in parts])

    # Broken-off plays come as either of the two forms in which players report them.
    skipped = (heard < SKIPPED_BELOW) & (rng.random(len(heard)) < 0.5)
    kind = np.where(skipped, EventKind.SKIP.code, EventKind.PLAY.code)
    temper = 0.8 * tastes.opinionated[users]
    liked, disliked = _opinions(users, items, heard, liking, temper, n_opinions, rng)
    rows = np.concatenate([np.arange(len(users)), liked, disliked])
    kind = np.concatenate(
        [
            kind,
            np.full(len(liked), EventKind.LIKE.code),
            np.full(len(disliked), EventKind.DISLIKE.code),
        ]
    )
    # An opinion is given a second after the play began; listens are at least two seconds apart.
    when = times[rows] + (np.arange(len(rows)) >= len(users))
    order = np.lexsort((users[rows], when))
    rows, kind, when = rows[order], kind[order], when[order]
    ratio = np.where(kind == EventKind.PLAY.code, heard[rows], np.nan)
    return ListeningLog(users[rows], items[rows], when, kind, ratio)


def _allocate(total: int, weights: Floats, least: int) -> NDArray[np.int64]:
    """Whole numbers that add up to `total`, `least` each and the rest by `weights`."""
    exact = (total - least * len(weights)) * weights / weights.sum()
    counts: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    short = total - least * len(weights) - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:short]] += 1
    counts += least
    return counts


def _sessions(
    user: int,
    n_listens: int,
    tastes: Tastes,
    songs: Sequence[Song],
    size: DemoSize,
    rng: np.random.Generator,
) -> Iterator[_Listens]:
    """Sessions of one listener, in the order of time."""
    released = np.array([song.released for song in songs])
    seconds = np.array([song.seconds for song in songs])
    brand_new = released >= size.start_time
    plays = np.zeros(len(songs))
    skips = np.zeros(len(songs))
    known = np.zeros(len(songs), bool)
    starts, lengths = _timetable(user, n_listens, tastes, size, rng)
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        when = (start - size.start_time) / (size.weeks * WEEK)
        liking, by_sound = tastes.liking(user, when)
        standing = (liking - liking.mean()) / (liking.std() + 1e-9)
        wish = liking + _MOOD * tastes.sound @ rng.standard_normal(tastes.sound.shape[1])
        there = released <= start
        age = (start - released) / WEEK
        fresh = np.where(brand_new & there, np.exp(-np.maximum(age, 0) / _FRESH_WEEKS), 0.0)
        # Nobody's listens speak for a new release yet: how it sounds counts for more.
        unheard = wish + fresh * (tastes.newness[user] + 0.5 * (by_sound - by_sound.mean()))
        again = wish + 0.9 * np.log1p(plays) - 0.9 * skips
        left_to_find = np.sqrt(np.mean(~known[there]))
        n_new = int(rng.binomial(length, tastes.curiosity[user] * left_to_find))
        new = _draw(np.where(there & ~known, unheard, -np.inf), n_new, rng)
        old = _draw(np.where(known, again, -np.inf), length - len(new), rng)
        picks = np.concatenate([new, old])
        if len(picks) < length:
            rest = np.where(there & ~known, unheard, -np.inf)
            rest[new] = -np.inf
            picks = np.concatenate([picks, _draw(rest, length - len(picks), rng)])
        # In a catalogue smaller than the session, the session goes round.
        items = np.resize(rng.permutation(picks), length)

        heard = _heard(standing[items], tastes.impatience[user], rng)
        finished = heard >= SKIPPED_BELOW
        np.add.at(plays, items, finished)
        np.add.at(skips, items, ~finished)
        known[items] = True
        spacing = np.maximum(seconds[items] * heard + rng.exponential(4.0, length), 2.0)
        # A session ends before the next hour's begins.
        spacing = np.maximum(spacing * min(1.0, 0.9 * _HOUR / spacing.sum()), 2.0)
        times = np.floor(start) + np.ceil(np.cumsum(spacing) - spacing[0])
        yield _Listens(items, times, heard, standing[items])


def _timetable(
    user: int, n_listens: int, tastes: Tastes, size: DemoSize, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64]]:
    """Starts (UNIX seconds, ascending) and numbers of listens of a listener's sessions."""
    n_hours = int(size.weeks * WEEK / _HOUR)
    hours = np.arange(n_hours)
    clock = np.exp(1.6 * np.cos(2 * np.pi * (hours % 24 - tastes.peak_hour[user]) / 24))
    moment = size.start_time + hours * _HOUR
    # 1970-01-01 was a Thursday: days 2 and 3 of that count are the weekend.
    weekend = np.isin(moment // 86_400 % 7, (2, 3))
    weeks = rng.lognormal(0.0, 0.4, size.weeks)[hours // 168]
    share = hours / n_hours
    there = (share >= tastes.joined[user]) & (share < tastes.left[user])
    weight = clock * (1 + 0.5 * weekend) * weeks * there
    n_sessions = int(np.clip(round(n_listens / _SESSION_LISTENS), 1, there.sum() // 2))
    slots = np.sort(rng.choice(n_hours, n_sessions, False, weight / weight.sum()))
    starts = size.start_time + slots * _HOUR + rng.uniform(0, 0.09 * _HOUR, n_sessions)
    shares = rng.dirichlet(np.full(n_sessions, 1.5))
    lengths = 1 + rng.multinomial(n_listens - n_sessions, shares)
    return np.minimum(starts, REFERENCE_TIME - 1), lengths.astype(np.int64)


def _draw(logits: Floats, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """At most `n` positions without replacement, by the softmax of `logits`; −∞ is never drawn."""
    n = min(n, int(np.isfinite(logits).sum()))
    keys = logits + rng.gumbel(size=len(logits))
    return np.argsort(-keys, kind="stable")[:n]


def _heard(standing: Floats, impatience: float, rng: np.random.Generator) -> Floats:
    """Share of each track that is heard: broken off the likelier, the less it is liked."""
    doubt = 1 / (1 + np.exp(1.6 * (standing - 0.4)))
    broken = rng.random(len(standing)) < np.minimum(impatience * (0.04 + 0.45 * doubt), 0.9)
    early = rng.uniform(0.02, SKIPPED_BELOW - 0.01, len(standing))
    whole = np.where(rng.random(len(standing)) < 0.75, 1.0, rng.uniform(0.4, 1, len(standing)))
    heard: Floats = np.where(broken, early, whole)
    return heard.round(2)


def _opinions(
    users: NDArray[np.int64],
    items: NDArray[np.int64],
    heard: Floats,
    liking: Floats,
    temper: Floats,
    n_opinions: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Listens at which a like and a dislike were given, at most one opinion a listener and track.

    A like falls on the first finished listen of a track, a dislike on the last, when it was broken
    off, so that nobody goes on playing what they refused.
    """
    pair = users * (int(items.max()) + 1) + items
    finished = np.flatnonzero(heard >= SKIPPED_BELOW)
    first = finished[np.unique(pair[finished], return_index=True)[1]]
    last = len(pair) - 1 - np.unique(pair[::-1], return_index=True)[1]
    refused = last[heard[last] < SKIPPED_BELOW]

    score = temper[refused] - liking[refused] + rng.gumbel(size=len(refused))
    disliked = refused[np.argsort(-score, kind="stable")[: round(_DISLIKE_SHARE * n_opinions)]]
    first = first[~np.isin(pair[first], pair[disliked])]
    score = temper[first] + liking[first] + rng.gumbel(size=len(first))
    liked = first[np.argsort(-score, kind="stable")[: n_opinions - len(disliked)]]
    # A log of very few tracks runs out of first listens; then some are liked again.
    short = n_opinions - len(disliked) - len(liked)
    others = np.setdiff1d(np.arange(len(pair)), np.concatenate([liked, disliked]))
    return np.concatenate([liked, rng.permutation(others)[:short]]), disliked
