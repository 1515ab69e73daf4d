"""Download Debian packages that hold music and unpack them, one folder a package.

    python bench/fetch_debian_music.py wesnoth-1.16-music hyperrogue-music --into music

Needs a Debian or Ubuntu system; nothing is installed. Run it again after an interruption: packages
that are unpacked already are left alone. Some packages keep their music in a zip (``.pk3``), which
is unpacked too.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

MUSIC = {".mp3", ".ogg", ".oga", ".opus", ".flac", ".wav"}


def unpack_archives(folder: Path) -> None:
    """Write the music of every zip in `folder` beside it, under its base name alone."""
    for archive in [*folder.rglob("*.pk3"), *folder.rglob("*.zip")]:
        with zipfile.ZipFile(archive) as stored:
            for entry in stored.infolist():
                name = Path(entry.filename).name
                if Path(name).suffix.lower() in MUSIC and not entry.is_dir():
                    target = archive.with_suffix("") / name
                    target.parent.mkdir(exist_ok=True)
                    with stored.open(entry) as source, target.open("wb") as out:
                        shutil.copyfileobj(source, out)


def fetch(package: str, into: Path) -> str:
    """Download and unpack one package; return what was done."""
    target = into / package
    if target.is_dir():
        return "already there"
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix=".") as scratch:
        subprocess.run(["apt-get", "download", package], cwd=scratch, check=True)
        (deb,) = Path(scratch).glob("*.deb")
        unpacked = Path(scratch) / "unpacked"
        subprocess.run(["dpkg", "-x", str(deb), str(unpacked)], check=True)
        unpack_archives(unpacked)
        unpacked.rename(target)
    return "unpacked"


def main() -> None:
    """Fetch the packages named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="+", metavar="PACKAGE")
    parser.add_argument("--into", type=Path, required=True, help="folder for the packages")
    arguments = parser.parse_args()
    for package in arguments.packages:
        print(f"{package}: {fetch(package, arguments.into)}")


if __name__ == "__main__":
    main()
