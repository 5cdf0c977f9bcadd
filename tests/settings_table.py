"""Every setting of a run, written down by hand: under which name who takes it, and what it refuses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

TAKERS = {"r": "run", "s": "search", "c": "resume", "t": "retrain", "v": "sensitivity"}

# Name, option, where run.yaml has it, who takes it (run, search, resume, retrain, sensitivity), kind.
# A name stands twice where it means something else to another command.
TABLE = """
    backbone           --backbone           settings   rs--v  text
    dataset            --dataset            settings   r---v  text
    image_column       --image-column       -          r---v  text
    label_column       --label-column       -          r---v  text
    data_dir           --data-dir           settings   r---v  text
    train_images       --train-images       settings   r----  size
    validation_images  --validation-images  settings   rs---  size
    image_size         --image-size         settings   rs--v  whole1
    trials             --trials             settings   rsc--  whole1
    timeout            --timeout            settings   rsc--  time
    max_params         --max-params         settings   rs---  size
    max_macs           --max-macs           settings   rs---  size
    sampler            --sampler            settings   rs---  sampler
    early_stopping     --early-stopping     settings   rs---  rule
    objectives         --objectives         settings   rs---  objectives
    metric             --metric             settings   rs---  metric
    space              --space              -          r---v  text
    kinds              --kinds              -          rs--v  list
    given              --from               -          rs---  list
    epochs             --epochs             recipe     rs---  whole1
    batch_size         --batch-size         recipe     r----  whole1
    lr                 --lr                 recipe     r----  above0
    weight_decay       --weight-decay       recipe     r----  least0
    precision          --precision          recipe     r----  precision
    augment            --augment            recipe     r----  augment
    recipe             --recipe             -          rs---  path
    init               --init               settings   r----  text
    data_changed       --data-changed       settings   --ct-  changed
    data_memory        --data-memory        settings   r-ct-  size
    data_cache         --data-cache         settings   r-ct-  text
    new_head           --new-head           settings   r---v  flag
    inherit            --inherit            settings   r----  flag
    scratch_below      --scratch-below      settings   r----  share
    screen             --screen             settings   r----  whole0
    screen_images      --screen-images      settings   r----  part
    finish             --finish             settings   r-c--  not_all
    finish_epochs      --finish-epochs      settings   r-c--  whole1
    fine_tune_epochs   --fine-tune-epochs   -          r----  whole1
    fine_tune_lr       --fine-tune-lr       -          r----  above0
    distill            --distill            recipe     r----  share
    engine             --engine             settings   rsct-  engine
    jobs               --jobs               settings   rsct-  at_once
    device             --device             settings   rs--v  text
    ray_address        --ray-address        settings   rsct-  text
    cpus_per_trial     --cpus-per-trial     settings   rsct-  least0
    gpus_per_trial     --gpus-per-trial     settings   rsct-  gpus
    max_failures       --max-failures       settings   rsc--  whole0
    storage_path       --storage-path       settings   rsct-  text
    seed               --seed               settings   rs---  whole0
    storage            --storage            settings   rs---  text
    track              --track              settings   rsct-  tracker
    profile            --profile            settings   rsc--  flag
    out                --out                -          rs---  path
    num_classes        -                    facts      -s---  whole1
    in_channels        -                    facts      -s---  whole1
    epochs             --epochs             -          ---t-  whole1
    top                --top                -          ---t-  whole1
    trial              --trial              -          ---t-  whole0
    seeds              --seeds              -          ---t-  to999
    init               --init               -          ---t-  way
    init               --init               -          ----v  text
    train_images       --train-images       -          ----v  size
"""

Bad = tuple[tuple[Any, str], ...]
_NUMBER: Bad = (("x", "is not a number"), ("nan", "not a finite number"), ("inf", "not a finite number"))
_WHOLE: Bad = tuple((text, "is not a whole number") for text in ("x", "1.5", ""))
_SIZE: Bad = tuple((text, "write 250000, 500k or 1.5M") for text in ("0", "-5", "lots", "5 images"))

_AT_ONCE = "auto, or a whole number of at least 1"

TYPED: dict[str, Bad] = {
    "text": (),
    "path": (),
    "list": (),
    "flag": (),
    "size": _SIZE,
    "time": tuple((text, "write 90s, 30m or 2h") for text in ("0", "-1", "soon")),
    "whole0": (("-1", "-1 is not allowed; it must be at least 0"), *_WHOLE),
    "whole1": (("0", "0 is not allowed; it must be at least 1"), ("-7", "it must be at least 1"), *_WHOLE),
    "at_once": (
        *((text, f"{text!r} is not allowed; {_AT_ONCE}") for text in ("x", "1.5", "")),
        *(("0", f"0 is not allowed; {_AT_ONCE}"), ("-7", "at least 1")),
    ),
    "to999": (("0", "it must be at least 1"), ("1000", "it must be at most 999"), *_WHOLE),
    "above0": (("0", "it must be above 0"), ("-1", "it must be above 0"), *_NUMBER),
    "least0": (("-0.5", "-0.5 is not allowed; it must be at least 0"), *_NUMBER),
    "share": (("-0.1", "it must be at least 0"), ("1.1", "it must be at most 1"), *_NUMBER),
    "part": (("0", "0 is not allowed; it must be above 0"), ("1", "it must be below 1"), *_NUMBER),
    "not_all": (("-0.1", "it must be at least 0"), ("1", "it must be below 1"), *_NUMBER),
    "gpus": (("-1", "it must be at least 0"), ("1.5", "a share below 1 or a whole number"), *_NUMBER),
    "precision": (("float16", "did you mean 'bfloat16'"),),
    "augment": (("resise", "did you mean 'resize'"),),
    "changed": (("use_old", "did you mean 'use-old'"),),
    "way": (("scrach", "did you mean 'scratch'"),),
    "sampler": (("tpee", "there is no sampler 'tpee'; did you mean 'tpe'"),),
    "rule": (("paretto", "there is no stopping rule 'paretto'; did you mean 'pareto'"),),
    "engine": (("rey", "there is no engine 'rey'; did you mean 'ray'"),),
    "tracker": (
        ("tensorbord:x", "there is no tracker 'tensorbord'; did you mean 'tensorboard'?"),
        ("tensorboard", "'tensorboard' says no place; NAME:PLACE is needed"),
        ("tensorboard: ", "'tensorboard: ' says no place"),
        (":x", "':x' says no place"),
    ),
    "objectives": (
        ("params", "accuracy comes first"),
        ("accuracy", "accuracy comes first"),
        ("accuracy,params,params", "accuracy comes first"),
        ("accuracy,parms", "did you mean 'params'"),
    ),
    "metric": (("macro_f1", "did you mean 'macro-f1'"), ("recall", "accuracy, balanced-accuracy, macro-f1")),
}
"""What each kind refuses of what is typed, and a part of the message."""

_NO_NUMBER: Bad = (("x", "is not a number"), (True, "True is not a number"), (math.nan, "finite"))
_NO_WHOLE: Bad = (("3", "is not a whole number"), (1.5, "1.5 is not a whole number"), (True, "True is not"))

VALUES: dict[str, Bad] = {
    "text": ((5, "5 is not text"), (["a"], "['a'] is not text")),
    "path": ((5, "5 is not the path of a file"), (True, "True is not the path")),
    "list": (("one.yaml", "'one.yaml' is not a list"), ([5], "5 is not text")),
    "flag": ((1, "1 is not true or false"), ("yes", "'yes' is not true or false")),
    "size": (
        (0, "write 250000, 500k"),
        ("lots", "'lots' is not"),
        (True, "whole number"),
        ([1], "whole number"),
    ),
    "time": ((0, "write 90s"), (-1.5, "write 90s"), ("soon", "'soon' is not"), (math.nan, "write 90s")),
    "whole0": ((-1, "at least 0"), *_NO_WHOLE),
    "whole1": ((0, "at least 1"), (-7, "at least 1"), *_NO_WHOLE),
    "at_once": (
        *((0, "0 is not allowed; auto, or a whole"), (-7, "at least 1"), ("some", "'some' is not allowed")),
        *((1.5, "1.5 is not a whole number"), (True, "True is not"), ([1], "whole number")),
    ),
    "to999": ((0, "at least 1"), (1000, "at most 999"), *_NO_WHOLE),
    "above0": ((0, "above 0"), (-1.0, "above 0"), *_NO_NUMBER),
    "least0": ((-0.5, "at least 0"), *_NO_NUMBER),
    "share": ((-0.1, "at least 0"), (1.1, "at most 1"), *_NO_NUMBER),
    "part": ((0, "above 0"), (1.0, "below 1"), *_NO_NUMBER),
    "not_all": ((-0.1, "at least 0"), (1.0, "below 1"), *_NO_NUMBER),
    "gpus": ((-1, "at least 0"), (2.5, "a share below 1 or a whole number"), *_NO_NUMBER),
    "precision": (("float16", "did you mean 'bfloat16'"), (16, "16 is not allowed")),
    "augment": (("resise", "did you mean 'resize'"), (True, "True is not allowed")),
    "changed": (("use_old", "did you mean 'use-old'"), (1, "1 is not allowed")),
    "sampler": ((5, "5 is not text"),),
    "rule": ((5, "5 is not text"),),
    "engine": ((5, "5 is not text"),),
    "tracker": (
        ("tensorboard:x", "'tensorboard:x' is not a list"),
        ([5], "5 is not text"),
        (["tensorboard:"], "'tensorboard:' says no place"),
    ),
    "objectives": (
        ("accuracy,params", "is not a list"),
        (["params", "accuracy"], "accuracy comes first"),
        (["accuracy", "parms"], "did you mean 'params'"),
    ),
    "metric": (("accuracies", "did you mean 'accuracy'"), (1, "1 is not allowed")),
}
"""What each kind refuses of a value, in Python or in a file, and a part of the message."""


@dataclass(frozen=True)
class Row:
    """One setting as the table has it."""

    name: str
    option: str
    section: str
    takers: frozenset[str]
    kind: str


def _row(line: str) -> Row:
    name, option, section, takers, kind = line.split()
    return Row(name, option, section, frozenset(TAKERS[letter] for letter in takers.replace("-", "")), kind)


ROWS = tuple(_row(line) for line in TABLE.strip().splitlines())
