"""Nets: backbones, what replaces their convolutions, what they count, and their weights."""
