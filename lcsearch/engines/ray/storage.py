"""Trial folders on storage that every node reaches: a shared folder or an fsspec address."""

from __future__ import annotations

import posixpath
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lcsearch.core.errors import HaltError, InputError, file_fault, is_disk_full, is_disk_lost, one_line
from lcsearch.core.files import replacing

Seen = dict[str, tuple[int, int]]
"""Files by relative name, with modification time (ns) and size, as they were last copied."""


@dataclass(frozen=True)
class SharedStorage:
    """Folders on shared storage. Picklable; each process opens it for itself.

    Attributes:
        address: A folder, or an address such as ``s3://bucket/prefix``.
    """

    address: str

    def _open(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]

        return url_to_fs(self.address)  # type: ignore[no-any-return]

    def push(self, local: Path, name: str, seen: Seen) -> None:
        """Make a shared folder equal to a local one, copying only what has changed.

        A file appears whole or not at all where the storage can rename.

        Args:
            local: The local folder.
            name: The shared folder, relative to the address.
            seen: What was copied last time; brought up to date.

        Raises:
            HaltError: The storage is full or lost.
            OSError: A file cannot be read or written.
        """
        try:
            self._push(local, name, seen)
        except OSError as error:
            if is_disk_full(error):
                raise HaltError(f"the shared storage {self.address} is full") from None
            if is_disk_lost(error):
                raise HaltError(f"the shared storage {self.address} is lost: {file_fault(error)}") from None
            raise

    def _push(self, local: Path, name: str, seen: Seen) -> None:
        filesystem, root = self._open()
        folder = posixpath.join(root, name)
        now = {path.relative_to(local).as_posix(): path for path in local.rglob("*") if path.is_file()}
        for relative, path in now.items():
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if seen.get(relative) == stamp:
                continue
            target = posixpath.join(folder, relative)
            part = f"{target}.{uuid.uuid4().hex}.part"
            filesystem.makedirs(posixpath.dirname(target), exist_ok=True)
            filesystem.put_file(str(path), part)
            filesystem.mv(part, target)
            seen[relative] = stamp
        for relative in set(seen) - set(now):
            filesystem.rm(posixpath.join(folder, relative))
            del seen[relative]

    def pull(self, name: str, local: Path) -> Seen:
        """Copy a shared folder here; a folder that is not there is an empty one.

        Returns:
            What was copied, for `push`.

        Raises:
            OSError: It cannot be read, or the local disk is full.
        """
        filesystem, root = self._open()
        filesystem.invalidate_cache()
        folder = posixpath.join(root, name)
        seen: Seen = {}
        if not filesystem.exists(folder):
            return seen
        for source in filesystem.find(folder):
            relative = posixpath.relpath(source, folder)
            if relative.endswith(".part"):
                continue
            target = local / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target, durable=False) as part:
                filesystem.get_file(source, str(part))
            seen[relative] = (target.stat().st_mtime_ns, target.stat().st_size)
        return seen

    def remove(self, name: str) -> None:
        """Remove a shared folder; nothing happens where there is none."""
        filesystem, root = self._open()
        folder = posixpath.join(root, name)
        if filesystem.exists(folder):
            filesystem.rm(folder, recursive=True)

    def write_text(self, name: str, text: str) -> None:
        """Write a small file."""
        filesystem, root = self._open()
        path = posixpath.join(root, name)
        filesystem.makedirs(posixpath.dirname(path), exist_ok=True)
        filesystem.pipe_file(path, text.encode())

    def read_text(self, name: str) -> str | None:
        """Read a small file; None where there is none."""
        filesystem, root = self._open()
        filesystem.invalidate_cache()
        path = posixpath.join(root, name)
        return str(filesystem.cat_file(path).decode()) if filesystem.exists(path) else None


def open_storage(address: str) -> SharedStorage:
    """Open shared storage and prove that this machine can write there.

    Raises:
        InputError: It cannot be written or its protocol needs a package.
    """
    if "://" not in address:
        address = str(Path(address).expanduser().absolute())
    storage = SharedStorage(address)
    name = f".lcsearch-{uuid.uuid4().hex}/probe"
    try:
        storage.write_text(name, name)
        if storage.read_text(name) != name:
            raise OSError("what was written is not read back")
        storage.remove(posixpath.dirname(name))
    except ImportError as error:
        problem = f"{address} needs a package that is not installed: {error}"
        raise InputError(problem, setting="storage_path") from None
    except Exception as error:
        raise InputError(f"{address} is not writable: {one_line(error)}", setting="storage_path") from None
    return storage
