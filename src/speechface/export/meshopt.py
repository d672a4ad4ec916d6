"""Encoders of EXT_meshopt_compression: vertex attributes and triangle lists.

Source: appendix "Bitstream" of the extension's specification (Khronos, EXT_meshopt_compression): mode ATTRIBUTES,
version 0, and mode TRIANGLES, version 1, without filters.
"""

import numpy as np

__all__ = ["encode_attributes", "encode_triangles"]

_GROUP = 16


def encode_attributes(values: np.ndarray) -> bytes:
    """Compress an array of n rows; the bytes of a row must be a multiple of 4 and at most 256.

    A row's bytes are stored plane by plane in blocks: zigzag differences to the row before, 16 at a time with 0, 2, 4
    or 8 bits each, larger ones behind them.
    """
    rows = np.ascontiguousarray(values)
    rows = rows.reshape(len(rows), -1).view(np.uint8)
    n, stride = rows.shape
    if stride % 4 or not 0 < stride <= 256:
        raise ValueError(f"rows of {stride} bytes; expected a multiple of 4 up to 256")
    block = min((8192 // stride) & ~15, 256)
    change = np.zeros_like(rows)
    change[1:] = rows[1:] - rows[:-1]
    signed = change.view(np.int8)
    zigzag = ((signed << 1) ^ (signed >> 7)).view(np.uint8)
    parts = [b"\xa0"]
    # blocks of the same size go through together; the last one may be shorter
    whole = n // block * block
    for part, size in ((zigzag[:whole], block), (zigzag[whole:], n - whole)):
        if not len(part):
            continue
        padded = -(-size // _GROUP) * _GROUP
        planes = np.zeros((len(part) // size, stride, padded), np.uint8)
        planes[:, :, :size] = part.reshape(-1, size, stride).transpose(0, 2, 1)
        parts.append(_encode_planes(planes.reshape(-1, padded // _GROUP, _GROUP)))
    tail = rows[0].tobytes()
    return b"".join([*parts, bytes(max(32 - stride, 0)), tail])


def _encode_planes(planes: np.ndarray) -> bytes:
    """Planes (p, g, 16), uint8, of one byte of a block's rows each -> their headers and groups."""
    n_planes, n_groups, _ = planes.shape
    groups = planes.reshape(-1, _GROUP)
    large = {bits: groups >= (1 << bits) - 1 for bits in (2, 4)}
    sizes = np.stack([
        np.where(groups.any(1), 255, 0), 4 + large[2].sum(1), 8 + large[4].sum(1), np.full(len(groups), _GROUP),
    ])  # fmt: skip
    mode = sizes.argmin(0)
    length = sizes.min(0)
    body = np.zeros((len(groups), _GROUP), np.uint8)
    for kind, bits in ((1, 2), (2, 4)):
        chosen = np.nonzero(mode == kind)[0]
        small = np.minimum(groups[chosen], (1 << bits) - 1).reshape(len(chosen), 2 * bits, 8 // bits)
        packed = np.zeros(small.shape[:2], np.uint8)
        for k in range(8 // bits):
            packed |= small[:, :, k] << (8 - bits * (k + 1))
        body[chosen, : packed.shape[1]] = packed
        behind = large[bits][chosen]
        row, column = np.nonzero(behind)
        body[chosen[row], packed.shape[1] + (np.cumsum(behind, 1) - 1)[row, column]] = groups[chosen[row], column]
    verbatim = mode == 3
    body[verbatim] = groups[verbatim]
    n_head = -(-n_groups // 4)
    head = np.zeros((n_planes, n_head * 4), np.uint8)
    head[:, :n_groups] = mode.reshape(n_planes, n_groups)
    head = head.reshape(n_planes, n_head, 4)
    head = head[..., 0] | head[..., 1] << 2 | head[..., 2] << 4 | head[..., 3] << 6
    used = np.arange(_GROUP) < length[:, None]
    keep = np.concatenate([np.ones((n_planes, n_head), bool), used.reshape(n_planes, -1)], 1)
    return np.concatenate([head, body.reshape(n_planes, -1)], 1)[keep].tobytes()


#: Codes of pairs of vertices that stand in the table at the end, instead of a byte behind the codes.
_CODES = bytes((0x00, 0x76, 0x87, 0x56, 0x67, 0x78, 0xA9, 0x86, 0x65, 0x89, 0x68, 0x98, 0x01, 0x69, 0x00, 0x00))


def encode_triangles(triangles: np.ndarray) -> bytes:
    """Compress triangles (T, 3) of vertex indices. A triangle may come out starting at another of its vertices.

    A code a triangle names an edge of a recent one and the third vertex: the next new one, a recent one, or a
    difference to the last one told in full.
    """
    codes, data = bytearray(), bytearray()
    edges, vertices = [(-1, -1)] * 16, [-1] * 16
    following, last = 0, 0

    def tell(index: int) -> None:
        nonlocal last
        difference = index - last
        value = (difference << 1) ^ (difference >> 31)
        while value > 127:
            data.append(value & 127 | 128)
            value >>= 7
        data.append(value)
        last = index

    for triangle in np.asarray(triangles).tolist():
        a, b, c = triangle
        place = -1
        for k in range(15):  # the newest edge first; 15 stands for none
            edge = edges[-1 - k]
            if edge == (a, b):
                place = k
            elif edge == (b, c):
                place, a, b, c = k, b, c, a
            elif edge == (c, a):
                place, a, b, c = k, c, a, b
            if place >= 0:
                break
        if place >= 0:
            if c == following:
                code, following = 0, following + 1
            else:
                recent = next((k for k in range(1, 13) if vertices[-1 - k] == c), 0)
                if recent:
                    code = recent
                elif c == last - 1:
                    code, last = 13, c
                elif c == last + 1:
                    code, last = 14, c
                else:
                    code = 15
            codes.append(place << 4 | code)
            if code == 15:
                tell(c)
            if code == 0 or code >= 13:
                vertices.append(c)
            edges += [(c, b), (a, c)]
        else:
            # turn the triangle so that new vertices come first
            if b == following:
                a, b, c = b, c, a
            elif c == following:
                a, b, c = c, a, b
            known = [0, 0, 0]
            for k, index in enumerate((a, b, c)):
                recent = 15 if k == 0 else next((1 + j for j in range(14) if vertices[-1 - j] == index), 15)
                if index == following:
                    following += 1
                else:
                    known[k] = recent
            pair = known[1] << 4 | known[2]
            simple = _CODES.find(pair, 0, 14)
            if known[0] == 0 and simple >= 0:
                codes.append(0xF0 | simple)
            else:
                codes.append(0xFE if known[0] == 0 else 0xFF)
                data.append(pair)
            for kind, index in zip(known, (a, b, c)):
                if kind == 15:
                    tell(index)
            vertices += [index for kind, index in zip(known, (a, b, c)) if kind in (0, 15)]
            edges += [(b, a), (c, b), (a, c)]
        del edges[:-16], vertices[:-16]
    return b"".join([b"\xe1", bytes(codes), bytes(data), _CODES])
