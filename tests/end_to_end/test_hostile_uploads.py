"""Audio that lies, is damaged or explodes, through the door that anybody can knock on."""

from __future__ import annotations

import numpy as np
import pytest

from bench.encoder.mutations import excerpt, mutate
from bench.serving.hostile import REFUSED, bombs, upload_all
from tests.end_to_end.service import alive, served

FILES = 60


@pytest.mark.slow
def test_hostile_uploads_are_refused_or_answered_by_a_server_that_lives_on(
    demo_home, copied, tmp_path
):
    recsys = copied()
    rng = np.random.default_rng(0)
    songs = sorted(path for path in demo_home.music.rglob("*") if path.is_file())
    with served(recsys.home, tmp_path / "scratch") as service:
        processes = service.descendants()
        (tmp_path / "made").mkdir()
        sources = [excerpt(song, rng, tmp_path) for song in songs[:6]]
        made = mutate(sources, FILES, tmp_path / "made", seed=3)
        files = [
            path for kind, paths in made.items() for path in paths if kind != "10 h of silence"
        ]
        statuses = upload_all(service, files)
        assert set(statuses) <= {200} | REFUSED
        assert sum(statuses.values()) == len(files) >= FILES
        assert statuses[200]
        assert sum(statuses[status] for status in REFUSED) > 10
        silence, lying, endless = bombs(tmp_path)
        assert upload_all(service, [silence])[422] == 1
        # These hold sound, of which their headers say too much: what there is is taken.
        assert set(upload_all(service, [lying, endless])) <= {200, 422}
        assert service.get("/health/ready").status == 200
        assert all(map(alive, processes[:1]))
