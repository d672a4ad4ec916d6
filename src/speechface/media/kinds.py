"""What a file that is no media is, told from its first bytes."""

import os
import re
import struct

__all__ = ["HEAD_BYTES", "cut_off", "missing_of_wav", "not_media"]

#: How much of a file's beginning is looked at, bytes.
HEAD_BYTES = 1024
_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\s.*?size (\d+)", re.DOTALL)
_ARCHIVES = {b"PK\x03\x04": "zip", b"\x1f\x8b": "gzip", b"\xfd7zXZ\x00": "xz", b"Rar!": "rar", b"7z\xbc\xaf": "7z"}
#: A wav that is written while nobody knows its length announces this many bytes, or more.
_UNKNOWN_BYTES = 0x7FFF0000
_PAGE = re.compile(rb"\s*(<!doctype html|<html|<\?xml[^>]*>\s*<(error|html))", re.IGNORECASE)


def not_media(head: bytes) -> str:
    """What the file that begins with `head` is and what to do, "" where it may well be media.

    Known are Git LFS pointers, web pages in a download's place, archives, texts, and files of zeros: a copy or
    download that was never finished.
    """
    if pointer := _POINTER.match(head):
        return f"a Git LFS pointer to {int(pointer[1]):,} bytes that are not here; run 'git lfs pull' in its repository"
    if _PAGE.match(head):
        return "a web page, not media: the download gave an error or asked for a login; download it again"
    for mark, kind in _ARCHIVES.items():
        if head.startswith(mark):
            return f"a {kind} archive, not media; unpack it"
    if head and not head.strip(b"\0"):
        return "zeros, not media: a copy or download that was never finished; copy it again"
    if len(head) > 8 and not re.search(rb"[^\t\n\r\x20-\x7e]", head):
        return "a text, not media; give a video or sound file"
    return ""


def cut_off(path: str) -> str:
    """Why a file of the MP4 family was not written or copied to its end, "" where that cannot be told.

    It is a row of boxes, each with its length; without the one called moov nobody knows where its images are.
    """
    place, size = 0, os.path.getsize(path)
    names: list[bytes] = []
    with open(path, "rb") as file:
        while place + 8 <= size and len(names) < 1000:
            file.seek(place)
            head = file.read(16)
            length, name = int.from_bytes(head[:4], "big"), head[4:8]
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if not names and name != b"ftyp":
                return ""
            names.append(name)
            if length and place + length > size:
                return f"truncated: it should have {place + length:,} bytes at least and has {size:,}; copy it again"
            if length < 8:
                break
            place += length
    return "" if b"moov" in names or not names else "cut off: its index is missing; record it or copy it again"


def missing_of_wav(path: str) -> float:
    """By how much a wav file is shorter than its header says, seconds; 0 of others and where the header is open."""
    with open(path, "rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return 0.0
        rate = 0
        while len(head := file.read(8)) == 8:
            name, length = struct.unpack("<4sI", head)
            if name == b"data":
                there = os.path.getsize(path) - file.tell()
                return max(length - there, 0) / rate if rate and length < _UNKNOWN_BYTES else 0.0
            after = file.tell() + length + length % 2
            if name == b"fmt ":
                rate = int.from_bytes(file.read(12)[8:], "little")
            file.seek(after)
    return 0.0
