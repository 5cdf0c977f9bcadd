"""What a space may say about basis layers; apart from the family, which is read without pydantic."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from lcsearch.core.ranges import Share
from lcsearch.core.strict import Names, problem
from lcsearch.layers.offer import Rule

Bank = Literal["fitted", "random", "trained"]


class BasisRule(Rule):
    """What a space may say about basis layers."""

    filters: Share = Field(
        default=Share(low=0.015625, high=1.0, log=True),
        description="Filters of the bank, as a share of the most that there can be, in (0, 1]: the smaller "
        "of output channels and numbers of a filter.",
    )
    energy: Share | None = Field(
        default=None,
        description="In place of filters, where models are cut out of a trained net: as few filters as keep "
        "this share of the squares of its numbers, in (0, 1].",
    )
    bank: Names[Bank] | None = Field(
        default=None,
        description="fitted (taken from the trained net, and stored), random (drawn from bank_seed, so that "
        "no file of weights holds it) or trained (with a batch norm behind it); one or several. Left out: "
        "fitted, or random where all models train from scratch.",
    )
    bank_seed: Annotated[int, Field(ge=0, lt=2**63)] = Field(
        default=0, description="What random banks are drawn from."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.energy is not None and "filters" in self.model_fields_set:
            raise problem("excludes filters; leave out one of them", ("energy",))
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_replaced(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        plain: dict[str, Any] = handler(self)
        if self.energy is not None:
            plain.pop("filters", None)
        return plain

    @property
    def of_weights(self) -> str | None:
        """The energy."""
        return None if self.energy is None else "energy"

    @property
    def banks(self) -> list[Bank]:
        """The kinds of banks that there are."""
        return self.bank or ["fitted"]

    def from_scratch(self) -> Self:
        """Random banks, unless it says which: there is nothing that others could be taken from."""
        return self if self.bank else self.model_copy(update={"bank": ["random"]})

    def shown(self) -> dict[str, Any]:
        """Filters or energy, and what else matters where it is not as if it were left out."""
        shown: dict[str, Any] = {"filters": self.filters} if self.energy is None else {"energy": self.energy}
        if self.bank:
            shown["bank"] = self.bank
        if "random" in self.banks and self.bank_seed:
            shown["bank_seed"] = self.bank_seed
        return shown
