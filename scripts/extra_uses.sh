#!/usr/bin/env bash
# What each extra is for, in seconds: extra_uses.sh EXTRA, in a folder with the finished run 'run', where lcsearch is
# installed with that extra alone. Called by scripts/test_extras.sh, which exports $repository.
set -euo pipefail

# A search of one trained model, with what follows added.
search() {
    lcsearch run --backbone base --dataset digits --train-images 200 --trials 4 --epochs 1 --init scratch --jobs 1 \
        --device cpu --out "new" "$@"
}

use_onnx() { lcsearch export run --knee -o best.onnx && test -s best.onnx; }
use_image() { lcsearch report run --format png --plot front && test -s run/plots/front.png; }
use_gp() { search --trials 14 --sampler gp; }
use_postgresql() { # no server listens there: the driver is found, and says so
    search --storage postgresql://me@127.0.0.1:1/studies 2>&1 | tee said || true
    grep -qi "connection refused" said
}
use_dashboard() {
    python - << 'PYTHON'
from wsgiref.util import setup_testing_defaults

import optuna_dashboard

environ, answers = {"PATH_INFO": "/api/studies"}, []
setup_testing_defaults(environ)
body = b"".join(optuna_dashboard.wsgi("sqlite:///run/study.db")(environ, lambda status, *_: answers.append(status)))
assert answers == ["200 OK"] and b"study_id" in body, (answers, body)
PYTHON
}
use_tensorboard() { search --track tensorboard:events && find events -name '*tfevents*' | grep -q .; }
use_mlflow() { search --track mlflow:sqlite:///runs.db && test -s runs.db; }
use_wandb() { WANDB_MODE=offline search --track wandb:project && ls -d new/wandb/*offline* > /dev/null; }
use_trackio() { TRACKIO_DIR=$PWD/trackio search --track trackio:project && ls trackio/*.db > /dev/null; }
use_timm() { lcsearch profile --backbone timm:resnet10t --alpha 0.5; }
use_zoo() { use_timm; }
use_hf() {
    python - << 'PYTHON'
from datasets import ClassLabel, Dataset, Features, Image
from PIL import Image as Pillow
from sklearn.datasets import load_digits

digits = load_digits()
columns = {"image": [Pillow.fromarray((i * 15).astype("uint8")) for i in digits.images], "label": digits.target}
types = Features({"image": Image(), "label": ClassLabel(num_classes=10)})
Dataset.from_dict(columns, features=types).to_parquet("files/train.parquet")
PYTHON
    search --dataset hf:files
}
use_docs() {
    mkdir gallery
    cp run/report.html gallery/digits.html
    cp run/report.html gallery/from-scratch.html
    export LCSEARCH_GALLERY=$PWD/gallery
    cd "$repository" && mkdocs build --strict --site-dir "$OLDPWD/site"
}
use_dev() { cd "$repository" && ruff check . && python -m pytest -q -p no:cacheprovider tests/core; }

"use_$1"
