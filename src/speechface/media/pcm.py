"""Sound without a file: samples that come as bytes in pieces of any size, raw or with the header of a wav."""

import struct

import numpy as np

from speechface.errors import MediaError

__all__ = ["SAMPLE_FORMATS", "PcmDecoder"]

#: Name -> (type of a sample, full scale). Of 24 bits, the upper ones of 32.
SAMPLE_FORMATS = {"s16le": ("<i2", 2.0**15), "s32le": ("<i4", 2.0**31), "f32le": ("<f4", 1.0)}
_WAV_FORMATS = {
    (1, 8): ("u1", 2.0**7), (1, 16): ("<i2", 2.0**15), (1, 24): ("i24", 2.0**31), (1, 32): ("<i4", 2.0**31),
    (3, 32): ("<f4", 1.0), (3, 64): ("<f8", 1.0),
}  # fmt: skip
_EXTENSIBLE = 0xFFFE
#: Sizes from here on are no sizes: who writes a wav into a pipe does not know how long it will be.
_ENDLESS = 0x7FFFF000
#: Rates that sound may have, Hz.
_RATES = (1000, 768_000)
#: First bytes of files that are not PCM -> what they are.
_OTHERS = {b"ID3": "mp3", b"fLaC": "FLAC", b"OggS": "Ogg", b"\x1aE\xdf\xa3": "WebM or Matroska"}


class PcmDecoder:
    """Turns bytes into samples.

    Parameters
    ----------
    sr : int or None, Hz, of raw samples; None: the sound must be a wav
    sample_format : str, key of `SAMPLE_FORMATS`, of raw samples
    channels : int, of raw samples

    Attributes
    ----------
    sr : int or None
        Known once the header of a wav has been read.
    """

    def __init__(self, *, sr: int | None, sample_format: str = "s16le", channels: int = 1) -> None:
        self.sr, self._channels = sr, channels
        self._kind, self._scale = SAMPLE_FORMATS[sample_format]
        self._rest, self._began = b"", False
        self._left: int | None = None  # bytes of samples still to come; None: no end is known
        self._header: list[bytes] = []

    def push(self, data: bytes) -> np.ndarray:
        """Take the next bytes and return the samples (n,), float32, full scale 1.0: the mean of the channels.

        Raises
        ------
        MediaError
            If the sound is neither raw of a known rate nor a wav of plain samples.
        """
        self._rest += data
        if not self._began and not self._begin():
            return np.zeros(0, np.float32)
        width = self._channels * (3 if self._kind == "i24" else np.dtype(self._kind).itemsize)
        size = len(self._rest) if self._left is None else min(len(self._rest), self._left)
        size -= size % width
        part, self._rest = self._rest[:size], self._rest[size:]
        if self._left is not None:
            self._left -= size
            if self._left < width:  # what follows are other chunks
                self._rest = b""
        return self._samples(part)

    def _samples(self, data: bytes) -> np.ndarray:
        if self._kind == "i24":
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            values = wide.view("<i4")[:, 0].astype(np.float64)
        else:
            values = np.frombuffer(data, self._kind).astype(np.float64)
        if self._kind == "u1":
            values -= 128
        return (values.reshape(-1, self._channels).mean(1) / self._scale).astype(np.float32)

    def _begin(self) -> bool:
        """Tell raw samples from a wav; read the header of a wav. False while it is not all there."""
        if len(self._rest) < 12:
            return False
        if self._rest[:4] in (b"RIFF", b"RF64") and self._rest[8:12] == b"WAVE":
            return self._wav()
        if self.sr is None:
            other = next((name for mark, name in _OTHERS.items() if self._rest.startswith(mark)), None)
            raise MediaError(
                f"the sound is {other or 'no wav'}; give --sr for raw samples, or decode it: "
                "ffmpeg -i FILE -f wav - | speechface live"
            )
        self._began = True
        return True

    def _wav(self) -> bool:
        place, known = 12, False
        while len(self._rest) >= place + 8:
            name, size = self._rest[place : place + 4], struct.unpack("<I", self._rest[place + 4 : place + 8])[0]
            if name == b"data":
                if not known:
                    raise MediaError("the wav has no format before its samples")
                self._left = None if size == 0 or size >= _ENDLESS else size
                self._rest, self._began = self._rest[place + 8 :], True
                return True
            if len(self._rest) < place + 8 + size:
                if size > 1 << 20:
                    raise MediaError("the header of the wav is damaged")
                return False
            if name == b"fmt ":
                self._read_format(self._rest[place + 8 : place + 8 + size])
                known = True
            place += 8 + size + size % 2
        return False

    def _read_format(self, chunk: bytes) -> None:
        if len(chunk) < 16:
            raise MediaError("the header of the wav is damaged")
        code, channels, sr, _, _, bits = struct.unpack("<HHIIHH", chunk[:16])
        if code == _EXTENSIBLE and len(chunk) >= 26:
            code = struct.unpack("<H", chunk[24:26])[0]
        if (code, bits) not in _WAV_FORMATS or not channels:
            raise MediaError(f"the wav holds samples of kind {code}, {bits} bits; expected PCM or float")
        if not _RATES[0] <= sr <= _RATES[1]:
            raise MediaError(f"the wav says a rate of {sr} Hz; expected {_RATES[0]} to {_RATES[1]}")
        (self._kind, self._scale), self._channels, self.sr = _WAV_FORMATS[code, bits], channels, sr
