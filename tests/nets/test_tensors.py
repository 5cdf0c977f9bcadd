from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from lcsearch.core.errors import InputError
from lcsearch.nets.tensors import read_tensors, write_state


def test_a_shared_tensor_is_written_under_each_name_and_a_view_as_it_looks(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.BatchNorm1d(3))
    model[1].weight = model[0].weight
    model[2].weight = nn.Parameter(torch.arange(6.0)[::2])
    write_state(model.state_dict(), tmp_path / "w")
    found = load_file(tmp_path / "w")
    assert found.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype, name
    assert found["2.weight"].tolist() == [0.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "no such file"), (b"", "is no safetensors file"), (b"\xff" * 99, "is no safetensors file")],
)
def test_a_file_that_holds_no_tensors_is_one_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "w").write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        read_tensors(tmp_path / "w")
    assert str(caught.value).startswith(f"{tmp_path / 'w'}: ") and "\n" not in str(caught.value)
    with pytest.raises(InputError, match="is a folder"):
        read_tensors(tmp_path)
