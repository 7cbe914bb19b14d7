"""Roots and proofs of an RFC 6962 Merkle tree whose perfect subtrees are kept.

Rules:
- A tree is read through ``read(level, index)``: the root of the perfect subtree over leaves
  ``index << level`` to ``(index + 1) << level``. Roots and proofs then take O(log n) reads, for every earlier size too.

Left out: where hashes are kept (`contract.ledger`), and checking consistency (`contract.plain`, which
every export carries along).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from contract.plain import node_hash

Read = Callable[[int, int], bytes]


def root(read: Read, size: int) -> bytes:
    """The root over the first ``size`` leaves. Source: RFC 6962, 2.1."""
    return _over(read, 0, size) if size else hashlib.sha256().digest()


def inclusion_proof(read: Read, position: int, size: int) -> list[bytes]:
    """The way from one leaf to the root over ``size`` leaves. Source: RFC 6962, 2.1.1."""
    if not 0 <= position < size:
        raise ValueError(f"There is no leaf {position} in a tree of {size}.")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if position < middle:
            path.append(_over(read, middle, high))
            high = middle
        else:
            path.append(_over(read, low, middle))
            low = middle
    return path[::-1]


def consistency_proof(read: Read, old: int, new: int) -> list[bytes]:
    """That the first ``old`` leaves are still the first of ``new``. Source: RFC 6962, 2.1.2."""
    if not 0 < old <= new:
        raise ValueError(f"A tree of {new} leaves cannot be held against one of {old}.")
    path: list[bytes] = []
    low, high, left_edge = 0, new, True
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_over(read, middle, high))
            high = middle
        else:
            path.append(_over(read, low, middle))
            low, left_edge = middle, False
    return ([] if left_edge else [_over(read, low, high)]) + path[::-1]


def included(leaf: bytes, position: int, size: int, root_hash: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a leaf stands at ``position`` of the tree. Source: RFC 9162, 2.1.3.2."""
    if not 0 <= position < size:
        return False
    last, seen = size - 1, leaf
    for node in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            seen = node_hash(node, seen)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            seen = node_hash(seen, node)
        position, last = position >> 1, last >> 1
    return last == 0 and seen == root_hash


def _over(read: Read, low: int, high: int) -> bytes:
    count = high - low
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return read(level, low >> level)
    middle = low + _split(count)
    return node_hash(_over(read, low, middle), _over(read, middle, high))


def _split(count: int) -> int:
    """The largest power of two below ``count``."""
    return 1 << (count - 1).bit_length() - 1
