from __future__ import annotations

from bench.serving.hostile import DAMAGES, damaged_bundles, refusals
from recsys.bundle import open_bundle


def test_bundles_that_are_damaged_in_any_way_are_refused(six_sounds, tmp_path):
    assert refusals(six_sounds.folder, tmp_path, 40, seed=1) == (40, [])
    open_bundle(six_sounds.folder)  # which is as whole as before


def test_every_way_is_tried(six_sounds, tmp_path):
    kinds = {
        kind.partition(":")[0] for kind, _ in damaged_bundles(six_sounds.folder, tmp_path, 8, 0)
    }
    assert kinds == set(DAMAGES)
