"""Makes values by name fit a model: its names, its shapes, its number of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from lcsearch.core.errors import InputError, Named
from lcsearch.core.text import listed
from lcsearch.nets.head import head_of
from lcsearch.nets.weights.choosing import Taken


def fitting(
    taken: Taken, model: nn.Module, *, new_head: bool = False, shape: tuple[int, int, int] | None = None
) -> dict[str, Tensor]:
    """Check weights against a model.

    Args:
        taken: The weights, and where they come from.
        model: What they are for; not on the meta device where ``new_head``. It is left as it is.
        new_head: Take the last layer from the model instead: its classes are others.
        shape: Of an image, as `head_of` takes it.

    Returns:
        A state_dict that the model loads, in its dtypes, on the CPU.

    Raises:
        InputError: They do not fit the model (which tensors, expected and found shapes); they hold NaN or
            infinity, or are for another number of classes.
    """
    expected: dict[str, Tensor] = model.state_dict()
    state = dict(taken.tensors)
    head = head_of(model, shape)
    if new_head and head is not None:
        state |= {name: value for name, value in expected.items() if _belongs(name, head)}
    _fill(state, expected)
    _check_names(list(expected), list(state), taken.said)
    _check_shapes(expected, state, head)
    bad = [name for name, value in state.items() if not bool(value.isfinite().all())]
    if bad:
        raise InputError(f"NaN or infinity in {listed(bad)}")
    return {name: state[name].detach().to("cpu", value.dtype).clone() for name, value in expected.items()}


def _fill(state: dict[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Add what a sound file may lack: second names of shared tensors, and the counters of batch norm."""
    known = {
        (value.data_ptr(), value.shape): state[name] for name, value in expected.items() if name in state
    }
    for name, value in expected.items():
        if name.rpartition(".")[2] == "num_batches_tracked":
            state.setdefault(name, value)
        elif (
            name not in state
            and value.numel()
            and (value.data_ptr(), value.shape) in known
            and not value.is_meta
        ):
            state[name] = known[value.data_ptr(), value.shape]


def _check_names(expected: Sequence[str], found: Sequence[str], taken: str) -> None:
    missing = [name for name in expected if name not in set(found)]
    unexpected = [name for name in found if name not in set(expected)]
    if missing or unexpected:
        said = [f"lacks {listed(missing)}"] if missing else []
        said += [f"has {listed(unexpected)}, which the backbone has not"] if unexpected else []
        where = f" ({taken})" if taken else ""
        raise InputError(f"does not fit the backbone: {' and '.join(said)}{where}")


def _check_shapes(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], head: str | None) -> None:
    wrong = [name for name, value in expected.items() if value.shape != found[name].shape]
    if not wrong:
        return
    own = [name for name in wrong if head is not None and _belongs(name, head)]
    if own == wrong and all(expected[name].shape[1:] == found[name].shape[1:] for name in wrong):
        classes, wanted = found[wrong[0]].shape[0], expected[wrong[0]].shape[0]
        raise InputError(
            f"is for {classes} classes, the data set has {wanted}; ",
            Named("new_head", True),
            f" makes the last layer ({head}) new",
        )
    shapes = [
        f"{name}: expected {list(expected[name].shape)}, found {list(found[name].shape)}" for name in wrong
    ]
    raise InputError(f"does not fit the backbone: {listed(shapes, between='; ')}")


def _belongs(name: str, module: str) -> bool:
    return name.startswith(f"{module}.")
