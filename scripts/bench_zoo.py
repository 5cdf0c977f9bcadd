#!/usr/bin/env python
"""Other people's nets: what of them can be searched, how fast, and whether it is counted and folded rightly.

What: every classification net of torchvision and one of each convolutional family of timm (where it is
installed), fresh, 10 classes, on the smallest images that it takes. Of each the convolutions that the default
space searches and the share of the parameters that they hold; the smallest and the largest model of the
space; seconds of a processor to bind the space, to count 100 models of it on the meta device (ten drawn at
random are counted), and to build one; multiply-accumulates of the plain net by those of
``torch.utils.flop_counter``; and the greatest difference of what that one model and its folded copy answer,
relative to the largest answer. Batch norms have the statistics of the images, and what a net sets to zero at
first has random numbers. A net that fails is a line of the table too.

How: processes of one thread each; every net is one line of a file, so the script goes on where it was
stopped.

    python scripts/bench_zoo.py zoo.jsonl                    # half an hour on 2 idle cores
    python scripts/bench_zoo.py zoo.jsonl --net timm:repvgg_a0
    python scripts/bench_zoo.py zoo.jsonl --table
"""

from __future__ import annotations

import importlib.util
import sys
import time
import warnings
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from bound_space import bound_space
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from work_off import Line, parser_of, read, work_off
from zoo_nets import TIMM, TORCHVISION, smallest_image

from lcsearch.core.seeds import seed_everything
from lcsearch.core.spec import ModelSpec
from lcsearch.core.text import format_count
from lcsearch.nets.count import count
from lcsearch.nets.replaceable import left_plain
from lcsearch.nets.sizer import Sizer
from lcsearch.nets.surgery import build_model, fold
from lcsearch.search.samplers._draw import Draw
from lcsearch.search.space import BoundSpace

COUNTED, SHOWN, IMAGES = 10, 100, 4
COLUMNS = (
    "net", "image", "searched", "hold", "left as they are", "smallest", "largest", "bind", "count 100",
    "build", "MACs", "folded",
)  # fmt: skip


def do(name: str) -> Sequence[Line]:
    """Look at one net and return its line."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    seed_everything(0)
    try:
        return [{"net": name, "problem": "", **look_at(name)}]
    except Exception as error:
        return [{"net": name, "problem": f"{type(error).__name__}: {error}".splitlines()[0]}]


def look_at(name: str) -> Line:
    """What the table says of a net."""
    plain = ModelSpec(name, num_classes=10, in_channels=3)
    with torch.device("meta"):
        net = build_model(plain)
    size = smallest_image(net)
    if size is None:
        raise ValueError("takes no images of the usual sizes")
    image = (3, size, size)
    begin = time.process_time()
    bound = bound_space(plain, size, families=None)
    bind_seconds = time.process_time() - begin
    draws = np.random.default_rng(0)
    specs = [bound.suggest(Draw({}, lambda *_: draws.random())).model for _ in range(COUNTED)]
    begin, sizer = time.process_time(), Sizer(image)
    counts = [sizer(spec).params for spec in specs]
    count_seconds = time.process_time() - begin
    if counts != [bound.params(spec) for spec in specs]:
        raise ValueError("models have other sizes than arithmetic says")
    begin = time.process_time()
    model = build_model(specs[0])
    build_seconds = time.process_time() - begin
    return {
        "image": size, **searched(net, bound), "smallest": bound.params(bound.smallest()),
        "largest": bound.params(bound.largest()), "bind_seconds": round(bind_seconds, 2),
        "count_seconds": round(count_seconds * SHOWN / COUNTED, 2), "build_seconds": round(build_seconds, 2),
        "macs_ratio": round(macs_ratio(net, image), 4), "folded": folded_difference(model, image),
    }  # fmt: skip


def searched(net: nn.Module, bound: BoundSpace) -> Line:
    """How many convolutions are searched, which share of the net they hold, and why others cannot be."""
    total = sum(parameter.numel() for parameter in net.parameters())
    convolutions = {name: one for name, one in net.named_modules() if isinstance(one, nn.Conv2d)}
    held = sum(convolutions[name].weight.numel() for name in bound.searched_layers)
    reasons = sorted({one.why for one in left_plain(net)})
    return {
        "searched": len(bound.searched_layers), "convolutions": len(convolutions), "share": held / total,
        "left": reasons,
    }  # fmt: skip


def macs_ratio(net: nn.Module, image: tuple[int, int, int]) -> float:
    """Multiply-accumulates as we count them by those of PyTorch's counter."""
    with FlopCounterMode(display=False) as counter, torch.no_grad(), torch.device("meta"):
        net.eval()(torch.zeros(1, *image))
    return 2 * count(net, image).macs / int(counter.get_total_flops())


@torch.no_grad()
def folded_difference(model: nn.Module, image: tuple[int, int, int]) -> float:
    """The greatest difference of what a model and its folded copy answer, by the largest answer."""
    images = torch.randn(IMAGES, *image)
    for parameter in model.parameters():
        if not parameter.any():  # a branch or a head that answers zero at first
            parameter.normal_(std=0.1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the statistics of all images that it has seen
    model.train()(images)
    answers, folded = model.eval()(images), fold(model)(images)
    return float((answers - folded).abs().max() / answers.abs().max())


def tasks(wanted: Sequence[str], lines: Sequence[Line]) -> list[str]:
    """What is not done yet."""
    done = {line["net"] for line in lines}
    return [name for name in wanted if name not in done]


def table(lines: Sequence[Line]) -> str:
    """All nets, in Markdown."""
    rows = ["| " + " | ".join(COLUMNS) + " |", "|---|" + "---:|" * (len(COLUMNS) - 1)]
    return "\n".join(rows + [row(line) for line in sorted(lines, key=lambda line: line["net"])])


def row(line: Line) -> str:
    """One net; a net that failed has its problem in place of numbers."""
    if line["problem"]:
        return f"| `{line['net']}` | {line['problem']}" + " |" * (len(COLUMNS) - 1)
    seconds = [f"{line[f'{what}_seconds']:.1f} s" for what in ("bind", "count", "build")]
    cells = [
        f"`{line['net']}`", f"{line['image']}", f"{line['searched']} of {line['convolutions']}",
        f"{100 * line['share']:.0f} %", "; ".join(line["left"]), format_count(line["smallest"]),
        format_count(line["largest"]), *seconds, f"{line['macs_ratio']:.3f}", f"{line['folded']:.0e}",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def words(line: Line) -> str:
    """What is printed of a line."""
    if line["problem"]:
        return f"{line['net']}: {line['problem']}"
    return (
        f"{line['net']}: {line['searched']} of {line['convolutions']} convolutions, "
        f"MACs {line['macs_ratio']:.3f}, folded {line['folded']:.0e}"
    )


def main() -> int:
    parser = parser_of(__doc__, "nets at a time", nothing="look at")
    parser.add_argument("--net", action="append", metavar="NAME", help="only this; repeatable")
    arguments = parser.parse_args()
    failed = 0
    if not arguments.table:
        everything = [*TORCHVISION, *(TIMM if importlib.util.find_spec("timm") else ())]
        wanted = arguments.net or everything
        failed = work_off(arguments.records, arguments.jobs, partial(tasks, wanted), do, words)
    print(table(read(arguments.records)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
