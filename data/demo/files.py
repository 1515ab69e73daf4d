"""Writing tracks of the demo world as audio files with tags."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import soundfile
from mutagen.flac import FLAC
from mutagen.id3 import ID3, TALB, TCON, TDRC, TIT2, TPE1, TPE2, TPUB, TRCK
from mutagen.ogg import OggPage
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE
from numpy.typing import NDArray

from data.demo.catalogue import Song
from data.demo.render import render

PARTIAL = ".part"
"""Ending of a file that is being written; what carries it is never read."""

_ENCODINGS = {
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "wav": ("WAV", "PCM_16"),
    "opus": ("OGG", "OPUS"),
}
_ID3_FRAMES = {
    "title": TIT2,
    "artist": TPE1,
    "album": TALB,
    "albumartist": TPE2,
    "genre": TCON,
    "label": TPUB,
    "date": TDRC,
    "tracknumber": TRCK,
}
# libsndfile feeds the Vorbis and Opus encoders from the stack and overflows it on long writes.
_BLOCK = 65_536


def write_song(song: Song, folder: Path) -> Path:
    """Render `song` and write it below `folder`; a file that is there already is left alone.

    The file appears under its name only when it is whole: encoded, tagged, and dated to its
    release. Returns its path.
    """
    path = folder / song.path
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + PARTIAL)
    encode(render(song), partial, song.extension, song.sr)
    _tag(partial, song)
    if _ENCODINGS[song.extension][0] == "OGG":
        _number_stream(partial)
    os.utime(partial, (song.released, song.released))
    partial.replace(path)
    return path


def encode(y: NDArray[np.float32], path: Path, extension: str, sr: int) -> None:
    """Write samples [shape=(n, channels)] in the format that `extension` stands for."""
    container, subtype = _ENCODINGS[extension]
    with soundfile.SoundFile(path, "w", sr, y.shape[1], subtype, format=container) as file:
        for start in range(0, len(y), _BLOCK):
            file.write(y[start : start + _BLOCK])


def _number_stream(path: Path) -> None:
    """Give an Ogg stream the serial number 1.

    libsndfile draws one anew for each file, and ids of tracks come from a file's bytes: with it no
    two worlds of one seed would have their tracks in the same order, nor the same results.
    """
    pages = []
    with path.open("rb") as file:
        try:
            while True:
                pages.append(OggPage(file))
        except EOFError:
            pass
    for page in pages:
        page.serial = 1
    path.write_bytes(b"".join(page.write() for page in pages))


def _tag(path: Path, song: Song) -> None:
    tags = {
        "title": song.title,
        "artist": song.artist.name,
        "album": song.album,
        "albumartist": song.artist.name,
        "genre": song.artist.genre.name,
        "date": str(song.year),
        "tracknumber": str(song.number),
    }
    if song.artist.label is not None:
        tags["label"] = song.artist.label
    if song.extension == "mp3":
        frames = ID3()
        _add_frames(frames, tags)
        frames.save(path)
        return
    if song.extension == "wav":
        wave = WAVE(path)
        wave.add_tags()
        _add_frames(wave.tags, tags)
        wave.save()
        return
    kinds = {"flac": FLAC, "ogg": OggVorbis, "opus": OggOpus}
    file = kinds[song.extension](path)
    file.update(tags)
    file.save()


def _add_frames(frames: ID3, tags: dict[str, str]) -> None:
    for name, text in tags.items():
        frames.add(_ID3_FRAMES[name](encoding=3, text=[text]))
