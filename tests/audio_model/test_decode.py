"""Every container that is supported, and every way a file can be bad."""

from __future__ import annotations

import os
import struct

import numpy as np
import pytest
import soundfile

from audio_model.decode import AudioStream
from data.errors import AudioError
from tests.audio_model.sounds import SR, tone

CODECS = [
    ("a.wav", "PCM_16", 22050),
    ("a.wav", "FLOAT", 44100),
    ("a.flac", "PCM_16", 44100),
    ("a.flac", "PCM_24", 96000),
    ("a.ogg", "VORBIS", 44100),
    ("a.opus", "OPUS", 48000),
    ("a.mp3", "MPEG_LAYER_III", 44100),
]


def read(path, **options):
    stream = AudioStream(path, SR, **options)
    return np.concatenate(list(stream)), stream


def wav_header(data_size, channels=1, sr=SR, bits=16):
    frame = channels * bits // 8
    return (
        struct.pack("<4sI4s4sI", b"RIFF", (data_size + 36) & 0xFFFFFFFF, b"WAVE", b"fmt ", 16)
        + struct.pack("<HHIIHH", 1, channels, sr, (sr * frame) & 0xFFFFFFFF, frame, bits)
        + struct.pack("<4sI", b"data", data_size)
    )


@pytest.mark.parametrize(("name", "subtype", "sr"), CODECS)
def test_codec_comes_back_as_the_same_sound(write_sound, name, subtype, sr):
    y = tone(3.0, sr)
    container = "OGG" if name.endswith("opus") else None
    path = write_sound(name, y, sr, subtype=subtype, format=container)
    decoded, stream = read(path)
    assert stream.duration == pytest.approx(3.0, abs=0.06)
    reference, _ = read(write_sound("reference.wav", y, sr, subtype="FLOAT"))
    spectra = [np.abs(np.fft.rfft(each, SR * 4))[: SR * 2] for each in (decoded, reference)]
    assert np.corrcoef(*spectra)[0, 1] > 0.98


def test_the_content_decides_about_the_format_and_not_the_name(write_sound):
    path = write_sound("a.flac", tone(1.0))
    renamed = path.rename(path.with_name("song.raw"))
    assert read(renamed)[1].duration == pytest.approx(1.0)


def test_digest_is_equal_for_lossless_copies_and_differs_for_other_sound(write_sound):
    pcm = (np.stack([tone(1.0), tone(1.0, seed=1)], axis=1) * 32000).astype(np.int16)
    digests = [
        read(write_sound("a.wav", pcm))[1].digest,
        read(write_sound("a.flac", pcm))[1].digest,
        read(write_sound("b.wav", pcm // 2))[1].digest,
    ]
    assert digests[0] == digests[1] != digests[2]
    assert len(digests[0]) == 64


def test_channels_are_averaged(write_sound):
    y = tone(1.0)
    path = write_sound("a.wav", np.stack([y, y * 0.5] * 4, axis=1), subtype="FLOAT")
    decoded, _ = read(path)
    np.testing.assert_allclose(decoded, y * 0.75, atol=1e-6)


def test_high_sample_rates_are_resampled(write_sound):
    decoded, stream = read(write_sound("a.wav", tone(1.0, 192_000), 192_000))
    assert decoded.size == pytest.approx(SR, abs=2)
    assert stream.duration == pytest.approx(1.0)


def test_truncated_mp3_gives_what_could_be_decoded(write_sound):
    path = write_sound("a.mp3", tone(10.0, 44100), 44100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    decoded, stream = read(path)
    assert 4.0 < stream.duration < 6.0
    # The level swells slowly, so repeated stale samples would show as sound after the end.
    whole, _ = read(write_sound("b.mp3", tone(10.0, 44100), 44100))
    np.testing.assert_allclose(decoded[: 4 * SR], whole[: 4 * SR], atol=1e-3)


@pytest.mark.parametrize("name", ["a.flac", "a.ogg"])
def test_truncated_file_gives_what_could_be_decoded(write_sound, name):
    path = write_sound(name, tone(10.0, 44100), 44100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 2.0 < read(path)[1].duration < 8.0


def test_wav_whose_header_claims_gigabytes_gives_what_is_there(tmp_path):
    pcm = (tone(2.0) * 32767).astype("<i2").tobytes()
    path = tmp_path / "liar.wav"
    path.write_bytes(wav_header(0xFFFFFF00) + pcm)
    assert read(path)[1].duration == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"dear diary, today I wrote a song\n" * 100, "not an audio file that can be read"),
        (bytes(100_000), "not an audio file that can be read"),
        (wav_header(0), "shorter than 0.5 s"),
        (wav_header(SR * 2) + bytes(SR * 2), "no sound"),
        (wav_header(2 * SR, sr=1) + b"ab" * SR, "sample rate 1 Hz"),
    ],
)
def test_file_that_is_no_music_is_refused_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "song.mp3"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=reason):
        read(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_samples_that_are_no_numbers_are_refused(write_sound, value):
    y = tone(1.0)
    y[1000] = value
    with pytest.raises(AudioError, match="not finite"):
        read(write_sound("a.wav", y, subtype="FLOAT"))


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg", "a.opus", "a.flac"])
def test_silence_of_every_codec_is_refused(write_sound, name):
    options = {"format": "OGG", "subtype": "OPUS"} if name == "a.opus" else {}
    with pytest.raises(AudioError, match="no sound"):
        read(write_sound(name, np.zeros(48_000, np.float32), 48_000, **options))


def test_the_quietest_sound_of_16_bits_is_accepted(write_sound):
    y = np.zeros(SR, np.float32)
    y[100] = 2.0**-15
    assert read(write_sound("a.wav", y))[1].duration == 1.0


def test_too_short_sound_is_refused(write_sound):
    with pytest.raises(AudioError, match=r"shorter than 0\.5 s"):
        read(write_sound("a.wav", tone(0.4)))


def test_decoding_stops_at_the_longest_sound_allowed(write_sound):
    # A minute of silence is 30 kB of FLAC; the limit counts what was decoded, not the file.
    path = write_sound("bomb.flac", np.zeros(60 * SR, np.float32))
    with pytest.raises(AudioError, match="longer than the 10 s"):
        read(path, max_seconds=10.0)


def test_unsupported_container_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(1.0), SR, format="AIFF")
    with pytest.raises(AudioError, match="AIFF files are not analysed"):
        read(path)


def test_missing_file_and_pipe_and_folder_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("none", "No such file"), ("pipe", "regular"), (".", "regular")):
        with pytest.raises(AudioError, match=reason):
            read(tmp_path / name)
