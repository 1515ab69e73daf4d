from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.errors import WorseModelError
from data.events import EventLog
from data.store import Store
from ranker.ranking import LambdaRanker
from recsys import training
from recsys.bundle import BundleFacts, write_bundle
from recsys.comparison import Comparison, compare_with_live
from recsys.config import Config
from recsys.files import write_pointer
from recsys.labelling import label_lists
from recsys.publishing import train_and_publish
from recsys.training import TrainingData, fit_hybrid
from recsys.trial import TRIAL, read_trial, write_trial
from recsys.versions import current_version
from recsys.workspace import Workspace
from tests.recsys.growing import DAY, QUICK, growing_world


def left_out(*sources: str) -> Config:
    candidates = QUICK.candidates.model_copy(update={"leave_out": sources})
    return QUICK.model_copy(update={"candidates": candidates})


def go_live(data: TrainingData, config: Config, models: Path, version: str) -> Comparison:
    """Publish without opening the bundle in a child process."""
    comparison = compare_with_live(data, config, models)
    last = float(data.log.timestamp.max()) if data.log.has_timestamps else None
    facts = BundleFacts(60, len(data.log), last, None, None)
    write_bundle(models / version, version, fit_hybrid(data, data.log, config), facts)
    write_trial(models / version, comparison.trial)
    write_pointer(models, version)
    return comparison


def shuffled(data: TrainingData) -> TrainingData:
    """Who played what is drawn anew; everything else stays."""
    rng = np.random.default_rng(1)
    log = EventLog(**{**data.log.__dict__, "item_index": rng.permutation(data.log.item_index)})
    return replace(data, log=log)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models folder whose current version was trained on the whole growing world."""
    models = tmp_path_factory.mktemp("models")
    go_live(growing_world(), QUICK, models, "v1")
    return models


def test_the_first_model_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    comparison = compare_with_live(growing_world(), QUICK, tmp_path)
    assert comparison.live is None
    assert not comparison.worse
    assert comparison.trial is not None
    assert set(comparison.trial.ndcg) == {"all", "cold", "relisten"}
    assert str(comparison) == "there is no live model to compare with"


def test_the_same_again_is_equal_for_every_listener(live: Path) -> None:
    comparison = compare_with_live(growing_world(), QUICK, live)
    assert comparison.live == "v1"
    assert comparison.trial == read_trial(live / "v1")
    for part in comparison.slices.values():
        assert part.new == part.live
        assert part.p == 1.0
    assert set(comparison.slices) == {"all", "cold"}
    assert not comparison.worse


def test_a_shuffled_log_makes_a_worse_model(live: Path) -> None:
    worse = compare_with_live(shuffled(growing_world()), QUICK, live).worse
    assert "all" in worse
    assert worse["all"].new < 0.7 * worse["all"].live
    assert worse["all"].p < 0.01


def test_a_model_that_went_deaf_is_worse_on_cold_tracks(live: Path) -> None:
    deaf = replace(growing_world(), embeddings=None)
    comparison = compare_with_live(deaf, left_out("artist"), live)
    assert comparison.worse["cold"].new == 0.0
    assert "cold tracks: NDCG@20 0.000, live" in str(comparison)


def test_with_later_events_enough_both_models_are_asked_about_those(tmp_path: Path) -> None:
    data = growing_world()
    earlier = replace(data, log=data.log.before(90 * DAY))
    go_live(earlier, QUICK, tmp_path, "v1")
    (tmp_path / "v1" / TRIAL).unlink()  # not needed for it

    same = compare_with_live(data, QUICK, tmp_path)
    assert same.basis == "what came after it"
    assert same.trial is not None
    assert same.trial.cut is not None
    assert earlier.log.timestamp.max() < same.trial.cut <= 91 * DAY
    assert same.slices["all"].n_listeners == 60
    assert same.slices["all"].new == pytest.approx(same.slices["all"].live, abs=1e-6)

    popular_only = left_out("collaborative", "item_item", "audio", "bridge", "carried", "artist")
    assert "all" in compare_with_live(data, popular_only, tmp_path).worse


def test_tracks_that_the_live_model_does_not_know_are_its_misses(tmp_path: Path) -> None:
    data = growing_world()
    older = replace(data, log=data.log.before(90 * DAY))
    kept = np.arange(55)  # the tracks that come up late are not in the catalogue yet
    rows = np.isin(older.log.item_index, kept)
    items = type(data.catalogue.items)(data.catalogue.items.externals(kept.tolist()))
    small = TrainingData(
        replace(
            data.catalogue,
            items=items,
            categories=data.catalogue.categories.take(kept),
            duration=data.catalogue.duration[kept],
        ),
        replace(older.log.take(rows), items=items),
        None if data.embeddings is None else data.embeddings[kept],
    )
    go_live(small, QUICK, tmp_path, "v1")
    comparison = compare_with_live(data, QUICK, tmp_path)
    assert comparison.slices["cold"].live == 0.0
    assert comparison.slices["cold"].new > 0.3
    assert not comparison.worse


def test_logs_without_times_are_compared_on_the_same_random_part(tmp_path: Path) -> None:
    data = growing_world()
    timeless = replace(data.log, timestamp=np.full(len(data.log), np.nan))
    data = replace(data, log=timeless)
    go_live(data, QUICK, tmp_path, "v1")
    assert compare_with_live(data, QUICK, tmp_path).slices["all"].p == 1.0
    assert "all" in compare_with_live(shuffled(data), QUICK, tmp_path).worse


def test_strangers_to_the_live_model_are_no_comparison(live: Path) -> None:
    data = growing_world()
    users = type(data.log.users)(f"stranger {n}" for n in range(len(data.log.users)))
    comparison = compare_with_live(replace(data, log=replace(data.log, users=users)), QUICK, live)
    assert comparison.slices == {}
    assert comparison.trial is not None
    assert "not compared with v1" in str(comparison)


@pytest.mark.parametrize("content", ["", "{}", '{"format": 2}'])
def test_a_trial_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    assert read_trial(tmp_path) is None
    (tmp_path / TRIAL).write_text(content, "utf-8")
    assert read_trial(tmp_path) is None


def test_training_refuses_a_worse_model_unless_forced(workspace: Workspace, store: Store) -> None:
    good = replace(workspace, config=QUICK)
    first = train_and_publish(good, store).manifest.version
    popular_only = replace(workspace, config=left_out("collaborative", "item_item"))
    with pytest.raises(WorseModelError, match=r"over all tracks: NDCG@20 .* --force"):
        train_and_publish(popular_only, store)
    assert current_version(workspace.models) == first
    assert [folder.name for folder in workspace.models.iterdir() if folder.is_dir()] == [first]

    forced = train_and_publish(popular_only, store, force=True)
    assert "all" in forced.comparison.worse
    assert current_version(workspace.models) == forced.manifest.version != first
    assert not train_and_publish(good, store).comparison.worse


def test_what_the_trial_made_lists_of_is_not_made_again_and_gives_the_same_ranker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = growing_world()
    ranker = QUICK.ranker.model_copy(update={"windows": 3})
    config = QUICK.model_copy(update={"ranker": ranker})
    pasts: list[float] = []

    def counted(models, past, later, *more):
        pasts.append(later.timestamp.min())
        return label_lists(models, past, later, *more)

    monkeypatch.setattr(training, "label_lists", counted)
    alone = fit_hybrid(data, data.log, config)
    expected = [pasts.pop(0)]  # the latest, which the trial is judged by
    made: training.MadeLists = {}
    compare_with_live(data, config, tmp_path, made)
    pasts.clear()

    together = fit_hybrid(data, data.log, config, made)

    assert pasts == expected
    assert isinstance(alone.ranker, LambdaRanker)
    assert isinstance(together.ranker, LambdaRanker)
    assert together.ranker.to_text() == alone.ranker.to_text()
