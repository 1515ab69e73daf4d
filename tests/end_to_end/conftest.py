"""A workspace that went the whole way, built once however many processes run the tests."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from data.demo import DemoSize, DemoWorld, write_demo_world
from tests.end_to_end.command import Recsys, Result

SIZE = DemoSize(n_artists=8, tracks_per_artist=3, n_listeners=80, n_events=1600, seconds=4.0)
SETTINGS = "[ranker]\nmin_listeners = 10\nmin_rows_in_leaf = 5\n"


@dataclass(frozen=True)
class Demo:
    """The trained workspace, the world it was made from, and what each step printed."""

    home: Path
    music: Path
    listens: Path
    printed: dict[str, Result]

    def song(self, extension: str) -> Path:
        return sorted(self.music.rglob(f"*.{extension}"))[0]


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # the folder that all workers of this run share
    folder = base / "demo"
    with (base / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "printed.json").exists():
            _build(folder)
    printed = json.loads((folder / "printed.json").read_text("utf-8"))
    return Demo(
        folder / "home",
        folder / "world" / "music",
        folder / "world" / "listens.csv",
        {name: Result(**result) for name, result in printed.items()},
    )


def _build(folder: Path) -> None:
    world: DemoWorld = write_demo_world(folder / "world", size=SIZE)
    home = folder / "home"
    home.mkdir()
    (home / "recsys.toml").write_text(SETTINGS, "utf-8")
    recsys = Recsys(home)
    printed = {
        "library add": recsys("library", "add", world.music),
        "listens import": recsys("listens", "import", world.listens),
        "encoder train": recsys("encoder", "train", "--from-scratch", "--force", "--steps", "5"),
        "embed": recsys("embed"),
        "train": recsys("train"),
        "evaluate": recsys("evaluate", "--json"),
    }
    text = json.dumps({name: asdict(result) for name, result in printed.items()})
    (folder / "printed.json").write_text(text, "utf-8")


@pytest.fixture(scope="module")
def copied(demo_home: Demo, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Recsys]:
    """Makes a workspace of one's own: the whole demo, or only the parts that are named."""

    def copy(*parts: str) -> Recsys:
        home = tmp_path_factory.mktemp("copy") / "home"
        if not parts:
            shutil.copytree(demo_home.home, home)
        for part in parts:
            shutil.copytree(demo_home.home / part, home / part)
        return Recsys(home)

    return copy
