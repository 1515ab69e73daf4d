"""All steps of re-ranking, in their order.

1. popularity dial: gives the score to order by;
2. near-duplicates: the better ranked one stays;
3. artist cap;
4. diversity: the order is built anew from the front;
5. share of cold tracks: moved forward where too few stand there.

The dial comes first because it changes scores, and whatever drops or places tracks has to see the
order that is meant; the share comes last so that nothing takes back what it promises. What must not
be listed at all (heard, refused, withdrawn) is filtered before: a hidden track must neither count
against a cap nor take the place of its duplicate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.arrays import Floats, Positions
from ranker.config import RerankSettings
from ranker.models import CandidateModels
from ranker.rerank.artists import capped
from ranker.rerank.diversity import Similarity, audio_or_taste, spread_out
from ranker.rerank.duplicates import distinct
from ranker.rerank.newcomers import with_reserved
from ranker.rerank.popularity import tilted


def rerank(
    models: CandidateModels,
    items: Positions,
    score: Floats,
    settings: RerankSettings,
    length: int,
    shown: Positions | None = None,
) -> NDArray[np.intp]:
    """Places in `items` of the entries to show, in the order to show them.

    The first k ≤ `length` of them do not depend on `length`, so pages cut from calls of different
    lengths fit together.

    Parameters
    ----------
    models : CandidateModels
        Vectors, factors, artists, lengths and popularity of the tracks.
    items : np.ndarray [shape=(n,), dtype=int32]
        Positions of the candidates that may be listed, best first, each once.
    score : np.ndarray [shape=(n,), dtype=float32]
        The ranker's scores, descending.
    settings : RerankSettings
        The dials.
    length : int
        How many entries are wanted at most.
    shown : np.ndarray [dtype=int32], optional
        Tracks on earlier pages, none of `items`: they count against caps, and their duplicates do
        not come.
    """
    shown = np.zeros(0, np.int32) if shown is None else shown
    popularity = np.asarray(models.popularity)[items]
    tilt = tilted(score, popularity, settings.popularity)
    best = np.argsort(-tilt, kind="stable")
    # Whether an entry stays depends on those before it alone. So where nothing else looks at the
    # whole list, its end need not be looked at either.
    whole = settings.diversity > 0 or settings.new_tracks > 0
    ahead = len(best) if whole else 2 * length + len(shown)
    places = _kept(models, items, best[:ahead], settings, shown)
    while len(places) < length and ahead < len(best):
        ahead *= 4
        places = _kept(models, items, best[:ahead], settings, shown)

    by_score = np.arange(len(places))
    order = by_score
    if settings.diversity:
        order = spread_out(
            tilt[places], _similarity(models, items[places]), settings.diversity, length
        )
    cold = popularity[places] == 0
    best_cold = np.argsort(order)[by_score[cold]]  # where the cold ones, best first, stand now
    return places[order[with_reserved(cold[order], best_cold, settings.new_tracks)]][:length]


def _kept(
    models: CandidateModels,
    items: Positions,
    places: NDArray[np.intp],
    settings: RerankSettings,
    shown: Positions,
) -> NDArray[np.intp]:
    """Those of `places` that are no duplicate and within the cap, after what was `shown`."""
    if models.embeddings is not None:
        before = np.concatenate([shown, items[places]])
        stays = distinct(
            models.embeddings[before],
            models.catalogue.duration[before],
            settings.duplicate_cosine,
        )
        places = places[stays[stays >= len(shown)] - len(shown)]
    artist = models.catalogue.artist[np.concatenate([shown, items[places]])]
    stays = capped(artist, settings.max_per_artist)
    return places[stays[stays >= len(shown)] - len(shown)]


def _similarity(models: CandidateModels, items: Positions) -> Similarity:
    vectors = None if models.embeddings is None else models.embeddings[items]
    factors = None
    if models.collaborative is not None:
        supported = models.collaborative.support[items] > 0
        factors = np.where(supported[:, None], models.collaborative.item_factors[items], np.nan)
    return audio_or_taste(vectors, models.mean_embedding, factors)
