"""The file that holds a line for each image of a run's split, read only where images have changed."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable
from pathlib import Path

from lcsearch.core.errors import InputError, reason
from lcsearch.core.files import write_bytes
from lcsearch.data.digest import ImageLine


def write_image_list(path: Path, lines: Iterable[ImageLine]) -> None:
    """Write the lines, compressed; whole or not at all.

    Raises:
        InputError: The place is not writable.
        OSError: The disk is full.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ImageLine._fields)
    writer.writerows(lines)
    write_bytes(path, gzip.compress(text.getvalue().encode("utf-8", "surrogateescape"), mtime=0))


def read_image_list(path: Path) -> list[ImageLine]:
    """Read what `write_image_list` wrote.

    Raises:
        InputError: The file is missing or damaged.
    """
    try:
        text = gzip.decompress(path.read_bytes()).decode("utf-8", "surrogateescape")
        rows = list(csv.reader(io.StringIO(text, newline="")))
        return [ImageLine(row[0], int(row[1]), int(row[2]), row[3], row[4]) for row in rows[1:]]
    except (OSError, EOFError, ValueError, IndexError, csv.Error) as error:
        raise InputError(f"{path}: does not read ({reason(error)})") from None
