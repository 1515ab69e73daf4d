from __future__ import annotations

import sys

import numpy as np
import pytest

from audio_model.decode import AudioStream
from audio_model.m4a import M4aSound, is_mp4
from data.errors import AudioError
from tests.audio_model.sounds import SR, tone

av = pytest.importorskip("av")


def m4a(path, y, sr=44100, codec="aac", channels=1):
    layout = {1: "mono", 2: "stereo"}[channels]
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=sr, layout=layout)
        planes = np.repeat(y[None, :].astype(np.float32), channels, axis=0)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        frame.sample_rate = sr
        resampler = av.AudioResampler(stream.codec_context.format, layout, sr, frame_size=1024)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def read(path, **options):
    stream = AudioStream(path, SR, **options)
    return np.concatenate(list(stream)), stream


@pytest.mark.parametrize("codec", ["aac", "alac"])
@pytest.mark.parametrize("channels", [1, 2])
def test_an_m4a_file_comes_back_as_the_same_sound(tmp_path, write_sound, codec, channels):
    y = tone(3.0, 44100)
    decoded, stream = read(m4a(tmp_path / "a.m4a", y, 44100, codec, channels))
    assert stream.duration == pytest.approx(3.0, abs=0.06)
    reference, _ = read(write_sound("reference.wav", y, 44100, subtype="FLOAT"))
    spectra = [np.abs(np.fft.rfft(each, SR * 4))[: SR * 2] for each in (decoded, reference)]
    assert np.corrcoef(*spectra)[0, 1] > 0.98


def test_content_decides_and_truncation_ends_the_sound(tmp_path):
    path = m4a(tmp_path / "a.mp3", tone(3.0, 44100))
    content = path.read_bytes()
    assert is_mp4(content[:8])
    whole = read(path)[1].duration
    path.write_bytes(content[: len(content) // 2])  # the index of an MP4 file stands at its end
    with pytest.raises(AudioError, match="cannot be decoded"):
        read(path)
    damaged = bytearray(content)
    damaged[len(content) // 2 : len(content) // 2 + 2000] = bytes(2000)
    path.write_bytes(damaged)
    assert 0.5 < read(path)[1].duration <= whole + 0.1


def test_limits_hold(tmp_path):
    with pytest.raises(AudioError, match="longer than"):
        read(m4a(tmp_path / "a.m4a", tone(3.0, 44100)), max_seconds=2.0)


@pytest.mark.parametrize("content", [b"\0\0\0\x18ftypM4A ", b"\0\0\0\x18ftypM4A " + bytes(5000)])
def test_an_mp4_file_without_sound_is_refused(tmp_path, content):
    path = tmp_path / "a.m4a"
    path.write_bytes(content)
    with pytest.raises(AudioError, match="MP4"):
        read(path)


def test_without_the_extra_the_reason_says_what_is_missing(tmp_path, monkeypatch):
    path = m4a(tmp_path / "a.m4a", tone(1.0, 44100))
    monkeypatch.setitem(sys.modules, "av", None)
    with path.open("rb") as file, pytest.raises(AudioError, match=r"recsys\[m4a\]"):
        M4aSound(file.fileno())
