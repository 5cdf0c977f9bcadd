"""Other families in place of those that a space names."""

from __future__ import annotations

from collections.abc import Sequence

from lcsearch.core import plugins
from lcsearch.core.errors import InputError, no_such
from lcsearch.core.text import listed
from lcsearch.layers import lookup
from lcsearch.search.space.bound import BoundSpace
from lcsearch.search.space.rule import LayerRule, searched_families
from lcsearch.search.space.schema import Space


def with_kinds(space: Space, kinds: Sequence[str]) -> Space:
    """The space in which layers that are searched may become of other families.

    Args:
        space: The space. What it keeps plain stays plain, and where it lets a layer stay plain it still does.
        kinds: Names of families, each once; what the space says of them counts, else what they are offered
            where it says nothing.

    Raises:
        InputError: A name is none of a family that can be searched, or stands there twice.
    """
    known = [lookup.PLAIN, *searched_families()]
    for place, name in enumerate(kinds):
        if name not in known:
            words = no_such("family", name, known)
            if name in plugins.names(plugins.FAMILY):
                lookup.family(name)  # which says why where it does not load
                words = f"{name!r} is not allowed; this family cannot be searched"
            raise InputError(words, setting="kinds")
        if name in kinds[:place]:
            raise InputError(f"{name!r} stands there twice", setting="kinds")
    rules = {pattern: _with_kinds(rule, kinds) for pattern, rule in space.layers.items()}
    return space.model_copy(update={"layers": rules})


def _with_kinds(rule: LayerRule, kinds: Sequence[str]) -> LayerRule:
    if rule.kind == [lookup.PLAIN]:
        return rule
    plain = [lookup.PLAIN] if lookup.PLAIN in rule.kind and lookup.PLAIN not in kinds else []
    said = rule.model_dump(exclude_none=True)
    return LayerRule.model_validate(said | {"kind": [*plain, *kinds]})


def check_kinds(bound: BoundSpace, kinds: Sequence[str]) -> None:
    """Make sure that some layer can be of each of some families.

    Raises:
        InputError: None can; says why.
    """
    shapes = bound.shapes(bound.thinning.full)
    for name in kinds:
        if name == lookup.PLAIN or name in bound.families:
            continue
        family = lookup.family(name)
        rules = {layer: bound.space.rule_for(layer) for layer in shapes}
        asked = [layer for layer, found in rules.items() if found is not None and name in found[1].kind]
        single = bound.bonds.left if family.pairs else {}
        whys = dict.fromkeys(
            family.refuses(shapes[layer]) or single.get(layer, "it would save nothing") for layer in asked
        )
        about = listed(list(whys)) or "the space keeps all of them plain"
        raise InputError(
            f"no convolution of {bound.template.backbone} can be {name}: {about}", setting="kinds"
        )
