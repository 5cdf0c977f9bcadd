"""Runs trials on Ray: Ray Tune starts them, the director decides."""

from __future__ import annotations

from lcsearch.engines import Engine, EngineSettings


def make(settings: EngineSettings) -> Engine:
    """Make the engine; Ray is imported now, and not before."""
    from lcsearch.engines.ray.engine import RayEngine

    return RayEngine(settings)


ENGINE = make
