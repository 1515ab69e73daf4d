"""Download Debian packages that hold music and unpack them, one folder a package.

    python bench/fetch_debian_music.py wesnoth-1.16-music hyperrogue-music --into music
    python bench/fetch_debian_music.py --list TRACKS.csv --into music --link listed

Needs a Debian or Ubuntu system; nothing is installed. Run it again after an interruption: packages
that are unpacked already are left alone. Some packages keep their music in a zip (``.pk3``,
``.love``), which is unpacked too.

A list (columns ``pkg, file, bytes, md5``) names single files: its packages are fetched, and each
file is linked into a second folder as ``pkg/file``, with ``!!`` (a file of an archive) written as
``__``. Files are told by their content, wherever they lie in their package.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path

MUSIC = {".mp3", ".ogg", ".oga", ".opus", ".flac", ".wav"}
ARCHIVES = (".pk3", ".zip", ".love")


def unpack_archives(folder: Path) -> None:
    """Write the music of every zip in `folder` beside it, under its base name alone."""
    for archive in [path for suffix in ARCHIVES for path in folder.rglob(f"*{suffix}")]:
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


def link_listed(rows: list[dict[str, str]], music: Path, into: Path) -> list[str]:
    """Link the files of a list; those that no package holds."""
    by_size: dict[tuple[str, int], list[Path]] = defaultdict(list)
    for package in sorted({row["pkg"] for row in rows}):
        for path in (music / package).rglob("*"):
            if path.is_file() and not path.is_symlink():
                by_size[package, path.stat().st_size].append(path)
    missing = []
    for row in rows:
        target = into / row["pkg"] / row["file"].replace("!!", "__")
        alike = by_size[row["pkg"], int(row["bytes"])]
        same = [p for p in alike if hashlib.md5(p.read_bytes()).hexdigest() == row["md5"]]
        if not same:
            missing.append(f"{row['pkg']}: {row['file']}")
        elif not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(same[0], target)
    return missing


def main() -> None:
    """Fetch the packages named on the command line, or those of a list."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="*", metavar="PACKAGE")
    parser.add_argument("--into", type=Path, required=True, help="folder for the packages")
    parser.add_argument("--list", type=Path, help="CSV of single files, with --link")
    parser.add_argument("--link", type=Path, help="folder for the files of the list")
    arguments = parser.parse_args()
    if (arguments.list is None) != (arguments.link is None):
        parser.error("--list and --link go together")
    rows: list[dict[str, str]] = []
    if arguments.list is not None:
        with arguments.list.open(encoding="utf-8", newline="") as source:
            rows = list(csv.DictReader(source))
    packages = [*arguments.packages, *sorted({row["pkg"] for row in rows})]
    if not packages:
        parser.error("name packages, or a list of files")
    for package in packages:
        print(f"{package}: {fetch(package, arguments.into)}")
    if arguments.link is not None:
        missing = link_listed(rows, arguments.into, arguments.link)
        print(f"{len(rows) - len(missing)} of {len(rows)} files linked")
        if missing:
            sys.exit("not found: " + "; ".join(missing))


if __name__ == "__main__":
    main()
