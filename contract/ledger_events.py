"""The two events with which ledgers watch each other (`contract.witness`)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from contract.fields import Entries, FromNode, Name, TreeHash, VerifierKey


class Checkpoint(FromNode):
    """What a node, or the hub as ``hub``, last signed of its ledger: its key, the signed note, and the RFC 6962 proof
    that it goes on from ``old`` entries."""

    kind: Literal["checkpoint"] = "checkpoint"
    key: VerifierKey
    note: Annotated[str, Field(max_length=2_000)]
    old: Entries
    proof: Annotated[tuple[TreeHash, ...], Field(max_length=64)]


class Cosignature(FromNode):
    """What a witness says to a checkpoint of ``log``: cosigned, with the line to put under it; behind, for it needs a
    proof from ``size`` entries on; or forked, after the ``size`` that it saw."""

    kind: Literal["cosignature"] = "cosignature"
    log: Name
    word: Literal["cosigned", "behind", "forked"]
    size: Entries
    key: VerifierKey | None
    line: Annotated[str, Field(max_length=300)] | None

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if (self.word == "cosigned") != (self.key is not None and self.line is not None):
            raise ValueError("a key and a line stand with what was cosigned, and with nothing else")
        return self
