"""One table of recommendation quality for any log, catalogue and music.

    python -m bench.quality hetrec --data FOLDER [--seeds 3]
    python -m bench.quality pair --data FOLDER --links CSV --music FOLDER --cache FOLDER [--seeds 5]
    python -m bench.quality pair --log CSV --catalogue CSV --vectors FILE [--cold-share 0.2]
    python -m bench.quality demo [--seeds 1]

`hetrec`: lastfm-2k (Cantador, Brusilovsky and Kuflik, HetRec 2011, free for non-commercial use,
never part of the project), 5-core, random 80/20 per listener. `pair`: a log and its music, with a
share of the tracks held out entirely as cold; `--links` makes one of lastfm-2k and a table
`artistID, package, file` that gives artists a track (semi-real: the link is by tags), `--log` and
`--catalogue` are what ``recsys listens import`` and ``recsys library import`` take. Vectors come
from `--vectors` (as ``recsys embeddings export`` writes them) or are computed of `--music` by
`--encoder` and kept in `--cache`. `demo`: the made-up world under the global temporal split.

Beside the product's methods stand a blend of warm-only models, kNN in audio space, and other ways
from sound or artist to taste (`bench.quality.bridges`): ridge, kernel ridge, a small network,
artist means, and item-kNN's scores carried over by neighbours in sound.

Results go to ``bench/results/quality_*.json``: every seed's estimates, paired differences with
intervals and p, and their spread over the seeds.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from audio_model.shipped import SHIPPED_ENCODER
from bench.quality.hetrec import CORE, convert, convert_linked
from bench.quality.run import compare
from bench.quality.sources import load, load_demo
from bench.quality.vectors import Vectors, music_vectors, read_vectors
from recsys.config import load_config
from recsys.training import restrict_to_core


def main() -> None:
    """Run one comparison and write its results."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality")
    verbs = parser.add_subparsers(dest="verb", required=True)
    hetrec, pair, demo = (verbs.add_parser(name) for name in ("hetrec", "pair", "demo"))
    for verb, seeds in ((hetrec, 3), (pair, 5), (demo, 1)):
        verb.add_argument("--seeds", type=int, default=seeds)
        verb.add_argument("--ablations", action="store_true")
        verb.add_argument("--out", type=Path)
        verb.add_argument("--config", type=Path, help="a recsys.toml")
    hetrec.add_argument("--data", type=Path, required=True)
    pair.add_argument("--data", type=Path, help="lastfm-2k, with --links")
    pair.add_argument("--links", type=Path, help="CSV artistID, package, file")
    pair.add_argument("--log", type=Path)
    pair.add_argument("--catalogue", type=Path)
    pair.add_argument("--vectors", type=Path)
    pair.add_argument("--music", type=Path, help="folder that the catalogue's paths start from")
    pair.add_argument("--encoder", type=Path, default=SHIPPED_ENCODER)
    pair.add_argument("--cache", type=Path, help="spectrograms and vectors are kept here")
    pair.add_argument("--cold-share", type=float, default=0.2)
    pair.add_argument("--core", type=int, default=0)
    arguments = parser.parse_args()
    out = arguments.out or Path("bench/results") / f"quality_{arguments.verb}.json"
    config = load_config(arguments.config)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if arguments.verb == "hetrec":
            log, catalogue = convert(arguments.data, folder)
            data = restrict_to_core(load(log, catalogue, None, folder), CORE)
            protocol, cold_share = f"{CORE}-core, random 80/20 per listener", 0.0
        elif arguments.verb == "pair":
            linked = arguments.links is not None
            if linked:
                log, catalogue, files = convert_linked(arguments.data, arguments.links, folder)
            else:
                log, catalogue, files = arguments.log, arguments.catalogue, None
            vectors: Vectors = (
                read_vectors(arguments.vectors)
                if arguments.vectors
                else music_vectors(
                    catalogue, files, arguments.music, arguments.encoder, arguments.cache
                )
            )
            data = load(log, catalogue, vectors, folder)
            if arguments.core:
                data = restrict_to_core(data, arguments.core)
            cold_share = arguments.cold_share
            protocol = f"{'semi-real, ' * linked}{cold_share:.0%} of the tracks held out as cold"
        else:
            data = load_demo(folder / "demo")
            protocol, cold_share = "demo world, global temporal split", 0.0
        compare(
            data,
            config,
            out,
            protocol=protocol,
            seeds=arguments.seeds,
            cold_share=cold_share,
            ablations=arguments.ablations,
        )


if __name__ == "__main__":
    main()
