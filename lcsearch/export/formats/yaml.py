"""The config as YAML: for ``lcsearch run``, ``lcsearch.load_model`` and ``lcsearch.convert``."""

from __future__ import annotations

from pathlib import Path

from lcsearch.core.config import Source, config_text, read_config
from lcsearch.core.spec import TrialSpec
from lcsearch.export.formats import ConfigFormat


class Yaml(ConfigFormat):
    """The config; plain layers are left out."""

    suffixes = (".yaml", ".yml")

    def write(self, spec: TrialSpec, source: Source, path: Path) -> None:
        """Write the config."""
        path.write_text(config_text(spec, source), encoding="utf-8")

    def read(self, path: Path) -> TrialSpec:
        """Return the spec."""
        return read_config(path).spec


FORMAT = Yaml()
