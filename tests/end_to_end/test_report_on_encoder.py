from __future__ import annotations

from collections.abc import Callable

from audio_model.probes.distortions import DISTORTIONS
from tests.end_to_end.command import FAILED, Recsys


def test_a_report_measures_the_encoder_beside_its_controls_and_on_changed_copies(
    copied: Callable[..., Recsys],
) -> None:
    recsys = copied()
    one = {"RECSYS_ANALYSIS__WORKERS": "1"}
    report = recsys("encoder", "report", "--robustness", "1", "--json", **one).json()
    encoder = report["encoder_id"]
    assert list(report["methods"]) == [encoder, "untrained", "mfcc"]
    # In a world of 8 artists and 8 genres, no genre is left once the own artist doesn't count.
    assert {name.split("_")[0] for name in report["absent"]} == {"genre"}
    for judgement in report["methods"].values():
        assert list(judgement["metrics"]) == ["artist_map", "artist_hit@1", "album_map",
                                              "album_hit@1"]  # fmt: skip
    assert report["robustness"]["n_tracks"] == 1
    assert list(report["robustness"]["distortions"]) == list(DISTORTIONS)
    assert report["robustness"]["distortions"]["gain_minus_6_db"]["first"]["mean"] == 1.0
    folder = recsys.home / "encoder-reports" / encoder
    assert {path.name for path in folder.iterdir()} == {
        "report.json", "report.html", "pca.png", "tsne.png",
        *(f"spectrogram-{number}.png" for number in range(1, 9)),
    }  # fmt: skip
    assert not [path for path in (recsys.home / "cache").iterdir() if path.name.startswith(".")]

    failed = recsys("encoder", "report", "--encoder", "nobody", expect=FAILED)
    assert encoder in failed.error
