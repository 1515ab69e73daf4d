"""The encoder as it is served: a TFLite network behind a folder that proves itself.

An encoder is a folder with `encoder.tflite` and `encoder.json`; the latter names the settings of
the front end the network was trained on and the SHA-256 of the network.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from audio_model.constant_q import frontend_from
from audio_model.decode import DecodeLimits
from audio_model.files import sha256_of
from audio_model.frontend import FrontEnd
from audio_model.quiet import muted_stderr
from data.arrays import Floats
from data.errors import ArtefactError, AudioError, ParameterError

FORMAT = 1
NETWORK_FILE = "encoder.tflite"
CARD_FILE = "encoder.json"
WEIGHTS_FILE = "weights.npz"
"""What training can go on from; nothing that serves needs it."""
CONTENT_FILE = "content.npy"
"""Map from vectors to the space that tastes are regressed in, where it is another one."""


@dataclass(frozen=True)
class Analysis:
    """What one audio file gave.

    Parameters
    ----------
    vector : np.ndarray [shape=(dim,), dtype=float32]
        Mean of the chunks' vectors, of unit length.
    duration : float
        Seconds decoded.
    digest : str
        SHA-256 of the decoded sound, the identity of the recording.
    n_chunks : int
        Chunks that the vector was averaged over.
    picture : np.ndarray [shape=(n_mels, n_columns), dtype=uint8]
        The spectrogram, small, see `FrontEnd.picture`.
    """

    vector: Floats
    duration: float
    digest: str
    n_chunks: int
    picture: NDArray[np.uint8]


@dataclass(frozen=True)
class EncoderCard:
    """Contents of `encoder.json`.

    Parameters
    ----------
    encoder_id : str
        Recipe and the first ten digits of the network's SHA-256.
    recipe : str
        Name of the recipe that the network was trained by.
    dimension : int
        Length of a vector.
    sha256 : str
        Digest of `encoder.tflite`.
    frontend : FrontEnd
        Settings of the spectrogram.
    training : dict
        How the network was trained: steps, tracks, skipped files, seed, last loss.
    """

    encoder_id: str
    recipe: str
    dimension: int
    sha256: str
    frontend: FrontEnd
    training: dict[str, Any]

    def to_json(self) -> str:
        """Text of `encoder.json`."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def read(cls, folder: Path) -> EncoderCard:
        """Read and check `encoder.json`, and the digest of the network beside it.

        Raises
        ------
        ArtefactError
            If a file is missing or damaged, or of another format.
        """
        remedy = "train or restore the encoder"
        try:
            card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
            digest = sha256_of(folder / NETWORK_FILE)
        except OSError as error:
            raise ArtefactError(
                f"no encoder in {folder.name!r}: {error.strerror}; {remedy}"
            ) from error
        except ValueError as error:
            raise ArtefactError(f"{CARD_FILE} of {folder.name!r} is damaged; {remedy}") from error
        if not isinstance(card, dict) or card.get("format") != FORMAT:
            received = card.get("format") if isinstance(card, dict) else None
            raise ArtefactError(
                f"encoder {folder.name!r} has format {received}, this build reads {FORMAT}; "
                "train it again"
            )
        del card["format"]
        expected = {each.name for each in fields(cls)}
        if set(card) != expected:
            raise ArtefactError(
                f"{CARD_FILE} of {folder.name!r} has fields {sorted(card)}, "
                f"expected {sorted(expected)}; {remedy}"
            )
        if digest != card["sha256"]:
            raise ArtefactError(
                f"{NETWORK_FILE} of {folder.name!r} has SHA-256 {digest[:10]}…, its card says "
                f"{str(card['sha256'])[:10]}…; {remedy}"
            )
        try:
            card["frontend"] = frontend_from(card["frontend"])
        except (TypeError, ParameterError) as error:
            raise ArtefactError(
                f"front end settings of encoder {folder.name!r} are not of this build: {error}"
            ) from error
        return cls(**card)


def content_map(folder: Path) -> Floats | None:
    """Map [shape=(dimension, n_content)] from an encoder's vectors to its content space.

    None where vectors are as they were trained (see `audio_model.finishing`).

    Raises
    ------
    ArtefactError
        If the file is damaged or belongs to another encoder.
    """
    path = folder / CONTENT_FILE
    if not path.exists():
        return None
    dimension = EncoderCard.read(folder).dimension
    try:
        content: Floats = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise ArtefactError(
            f"{CONTENT_FILE} of {folder.name!r} cannot be read ({error}); "
            "train or restore the encoder"
        ) from error
    if content.ndim != 2 or len(content) != dimension or not np.isfinite(content).all():
        raise ArtefactError(
            f"{CONTENT_FILE} of {folder.name!r} has shape {content.shape}, expected "
            f"({dimension}, n) of finite numbers; train or restore the encoder"
        )
    return np.asarray(content, np.float32)


class Encoder:
    """Vectors for chunks of spectrogram and for audio files.

    Not thread-safe: the interpreter keeps its tensors between calls. Give each thread or process
    an encoder of its own (`AnalysisPool` does).

    Parameters
    ----------
    card : EncoderCard
        What the folder says about the network.
    interpreter : Interpreter
        The loaded network, tensors allocated.
    """

    def __init__(self, card: EncoderCard, interpreter: Interpreter) -> None:
        self.card = card
        self._interpreter = interpreter
        self._input = interpreter.get_input_details()[0]["index"]
        self._output = interpreter.get_output_details()[0]["index"]

    @classmethod
    def load(cls, folder: Path) -> Encoder:
        """Open the encoder in `folder` after checking it.

        Raises
        ------
        ArtefactError
            If the folder is missing, incomplete, damaged or of another format.
        """
        card = EncoderCard.read(folder)
        try:
            with muted_stderr():
                interpreter = Interpreter(model_path=str(folder / NETWORK_FILE), num_threads=1)
                interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ArtefactError(
                f"{NETWORK_FILE} of {folder.name!r} cannot be opened: {error}"
            ) from error
        frontend = card.frontend
        expected = ((1, frontend.n_mels, frontend.chunk_frames, 1), (1, card.dimension))
        received = (
            tuple(interpreter.get_input_details()[0]["shape"].tolist()),
            tuple(interpreter.get_output_details()[0]["shape"].tolist()),
        )
        if received != expected:
            raise ArtefactError(
                f"the network of {folder.name!r} maps {received[0]} to {received[1]}, "
                f"its card says {expected[0]} to {expected[1]}"
            )
        return cls(card, interpreter)

    @property
    def encoder_id(self) -> str:
        """Name that vectors of this encoder are kept under."""
        return self.card.encoder_id

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.card.dimension

    @property
    def frontend(self) -> FrontEnd:
        """Front end whose chunks the network takes."""
        return self.card.frontend

    def encode(self, chunks: Floats) -> Floats:
        """Vectors of chunks.

        Parameters
        ----------
        chunks : np.ndarray [shape=(n, n_mels, chunk_frames), dtype=float32]
            Spectrogram chunks in dB, see `FrontEnd.chunks`.

        Returns
        -------
        np.ndarray [shape=(n, dim), dtype=float32]
            One unit vector a chunk.

        Raises
        ------
        ParameterError
            If the chunks have another shape.
        """
        shape = (self.frontend.n_mels, self.frontend.chunk_frames)
        if chunks.ndim != 3 or chunks.shape[1:] != shape:
            raise ParameterError(f"expected chunks of shape (n, {shape}), got {chunks.shape}")
        out = np.empty((len(chunks), self.dimension), np.float32)
        for row, chunk in enumerate(chunks):
            self._interpreter.set_tensor(
                self._input, chunk[None, :, :, None].astype(np.float32)
            )  # (1, mel, time, 1)
            self._interpreter.invoke()
            out[row] = self._interpreter.get_tensor(self._output)[0]
        return out

    def track_vector(self, chunks: Floats) -> Floats:
        """Mean of the chunks' vectors [shape=(dim,)], of unit length.

        Raises
        ------
        AudioError
            If the chunks' vectors cancel out, so that no direction is left.
        """
        mean = self.encode(chunks).mean(axis=0)
        norm = float(np.linalg.norm(mean))
        if not norm > 1e-6:
            raise AudioError("the encoder gives this sound no direction")
        vector: Floats = (mean / np.float32(norm)).astype(np.float32)
        return vector

    def analyse(self, path: Path, *, max_seconds: float = DecodeLimits.max_seconds) -> Analysis:
        """Decode, transform and encode one audio file.

        Raises
        ------
        AudioError
            If the file cannot be analysed; the message is the reason.
        """
        spectrogram = self.frontend.spectrogram(path, max_seconds=max_seconds)
        return Analysis(
            vector=self.track_vector(spectrogram.chunks),
            duration=spectrogram.duration,
            digest=spectrogram.digest,
            n_chunks=len(spectrogram.chunks),
            picture=spectrogram.picture,
        )
