"""A model's weights in as few bytes as they take: what is stored is what ``params`` counts.

Named tensors would cost up to 100 bytes of header each, which is more than many of them hold. So all numbers
of one type lie behind one another in one tensor; a compressed table in the metadata says which are whose. Of
sparse coefficients only the kept ones are stored, with one bit a coefficient that says which those are.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lcsearch.core.errors import InputError, reason
from lcsearch.layers.models import family_layers
from lcsearch.nets.tensors import implied_tensors

_BITS, _KEPT = "bits", "kept"
_INT32 = torch.iinfo(torch.int32)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One tensor.

    Attributes:
        name: As ``state_dict`` has it.
        shape: Its shape.
        kind: ``plain`` for all of its numbers, ``bits`` for one bit each, ``kept`` for those that the buffer
            ``mask`` of the same module keeps, ``kept by NAME`` for those that another buffer keeps.
        store: The tensor that its numbers lie in.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    store: str

    @property
    def mask(self) -> str:
        """The name of its mask, in its module."""
        return self.kind.removeprefix(_KEPT).removeprefix(" by ") or "mask"


def pack(model: nn.Module) -> tuple[dict[str, Tensor], str]:
    """Pack the state of a model.

    A tensor that two modules share is stored once, and what a layer says is implied not at all.

    Returns:
        The tensors to store, and the text that `unpack` needs to tell them apart.
    """
    state = dict(_unshared(model))
    masks, implied = _masks(model), implied_tensors(model)
    table, parts = [], dict[str, list[Tensor]]()
    for name, tensor in state.items():
        if name in implied and torch.equal(tensor.cpu(), implied[name]):
            continue
        mask = state.get(masks.get(name, ""))
        value = tensor.detach().cpu()
        stored = value.flatten() if mask is None else value[mask.cpu()]
        store, stored = _stored(stored)
        kind = _BITS if store == _BITS else "plain" if mask is None else _kept_by(masks[name])
        table.append(_Entry(name, tuple(value.shape), kind, store))
        parts.setdefault(store, []).append(stored)
    tensors = {store: torch.cat(values) for store, values in parts.items()}
    if _BITS in tensors:
        tensors[_BITS] = torch.from_numpy(np.packbits(tensors[_BITS].numpy()))
    return tensors, _write_table(table)


def unpack(tensors: Mapping[str, Tensor], table: str, name: str) -> dict[str, Tensor]:
    """Return the state that was packed, by the names of ``state_dict``.

    Args:
        tensors: As stored.
        table: The text beside them.
        name: The file's name, for messages.

    Raises:
        InputError: The two do not fit together: the file is damaged.
    """
    try:
        return _unpack(tensors, _read_table(table))
    except (ValueError, KeyError, TypeError, IndexError, RuntimeError, zlib.error) as error:
        raise InputError(
            f"{name}: is damaged: its table and its numbers do not fit ({reason(error)})"
        ) from None


def _unshared(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    seen: set[int] = set()
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            yield name, tensor


def _masks(model: nn.Module) -> dict[str, str]:
    """Names of tensors to the names of the masks that say which of their numbers are kept."""
    found = {}
    for name, layer in family_layers(model).items():
        for tensor, mask in layer.masks().items():
            first = f"{name}.{tensor}" if name else tensor
            found[first] = _beside(first, mask)
    return found


def _kept_by(mask: str) -> str:
    own = mask.rpartition(".")[2]
    return _KEPT if own == "mask" else f"{_KEPT} by {own}"


def _beside(name: str, other: str) -> str:
    """The name of another tensor of the same module."""
    prefix = name.rpartition(".")[0]
    return f"{prefix}.{other}" if prefix else other


def _stored(values: Tensor) -> tuple[str, Tensor]:
    """Where flat values go, and as what: whole numbers take four bytes where they fit."""
    if values.dtype == torch.bool:
        return _BITS, values
    if values.dtype == torch.int64 and (
        values.numel() == 0 or (_INT32.min <= int(values.min()) and int(values.max()) <= _INT32.max)
    ):
        values = values.to(torch.int32)
    return str(values.dtype).removeprefix("torch."), values


def _write_table(table: Sequence[_Entry]) -> str:
    rows = [[entry.name, list(entry.shape), entry.kind, entry.store] for entry in table]
    packed = zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 9)
    return base64.b64encode(packed).decode()


def _read_table(text: str) -> list[_Entry]:
    rows: Any = json.loads(zlib.decompress(base64.b64decode(text)))
    return [_Entry(name, tuple(shape), kind, store) for name, shape, kind, store in rows]


def _unpack(tensors: Mapping[str, Tensor], table: Sequence[_Entry]) -> dict[str, Tensor]:
    bits = [entry for entry in table if entry.kind == "bits"]
    total = sum(_size(entry) for entry in bits)
    flags = torch.zeros(0, dtype=torch.bool)
    if bits:
        flags = torch.from_numpy(np.unpackbits(tensors[_BITS].numpy(), count=total)).bool()
    state, used = dict[str, Tensor](), {_BITS: 0}
    for entry in bits:
        state[entry.name] = _next(flags, used, entry, _size(entry)).view(entry.shape)
    for entry in table:
        if entry.kind == "plain":
            state[entry.name] = _next(tensors[entry.store], used, entry, _size(entry)).view(entry.shape)
        elif entry.kind.startswith(_KEPT):
            mask = state[_beside(entry.name, entry.mask)]
            values = _next(tensors[entry.store], used, entry, int(mask.sum()))
            state[entry.name] = torch.zeros(entry.shape, dtype=values.dtype).masked_scatter_(mask, values)
    for store, tensor in tensors.items():
        if store != _BITS and used.get(store) != len(tensor):
            raise ValueError(f"{len(tensor)} numbers, {used.get(store)} named")
    return {entry.name: state[entry.name] for entry in table}


def _next(values: Tensor, used: dict[str, int], entry: _Entry, count: int) -> Tensor:
    begin = used.get(entry.store, 0)
    used[entry.store] = begin + count
    found = values[begin : begin + count]
    if len(found) != count:
        raise ValueError(f"{entry.name} needs {count} numbers, {len(found)} are left")
    return found


def _size(entry: _Entry) -> int:
    return int(np.prod(entry.shape, dtype=np.int64))
