"""Ours: two chunks of a track, strong augmentation, large batches, frequency kept to the end.

Positives as in COLA (Saeed, Grangier and Zeghidour, ICASSP 2021) and CLMR (Spijkervet and Burgoyne,
ISMIR 2021); the projection head that is dropped after training as in SimCLR (Chen et al., ICML
2020); similarity structure taken over from a teacher, where there is one, as in Park et al.,
"Relational knowledge distillation", CVPR 2019.
"""

from audio_model.recipes.base import Augmentation, Recipe

DEFAULT = Recipe(
    "default",
    network="strided",
    filters=(40, 64, 128, 256),
    norm_momentum=0.95,
    positives="chunks",
    augmentation=Augmentation(
        gain_db=6.0,
        tilt_db=5.0,
        bumps_db=3.0,
        noise_db=-40.0,
        shift_bands=1,
        time_mask=16,
        band_mask=12,
    ),
    batch_tracks=96,
    symmetric=True,
    projection_dim=128,
    learning_rate=2e-3,
    schedule="cosine",
    steps=900,
    whitening=0.5,
    timbre_coefficients=40,
    teacher_weight=1.0,
)
