"""Write `golden_decibels.npz`: what librosa makes of `tone(1.5)`; read by `test_frontend.py`.

PYTHONPATH=. python tests/audio_model/make_golden.py
"""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np

from tests.audio_model.sounds import SR, tone

mel = librosa.feature.melspectrogram(y=tone(1.5), sr=SR, n_fft=2048, hop_length=512, n_mels=128)
decibels = librosa.power_to_db(mel, ref=np.max, top_db=80)
np.savez_compressed(Path(__file__).with_name("golden_decibels.npz"), decibels=decibels)
