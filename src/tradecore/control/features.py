"""Verbs of features: what indicators there are, one in full, and whether they behave on the bars you have."""

from __future__ import annotations

from tradecore.core.errors import NothingThereError
from tradecore.features import catalogue
from tradecore.features.spec import Spec


def list_features(group: str | None = None) -> list[Spec]:
    """Return the catalogue, or one group of it, in the order of the reference.

    Errors: NothingThereError for a group that there is not.
    """
    if group is not None and group not in catalogue.GROUPS:
        raise NothingThereError(f"the catalogue has no group {group!r}; groups: {', '.join(catalogue.GROUPS)}")
    return [spec for spec in catalogue.SPECS.values() if group in (None, spec.group)]


def show(name: str) -> Spec:
    """Return one indicator in full. Errors: UsageError with the nearest names."""
    return catalogue.spec(name)


def presets() -> dict[str, tuple[str, ...]]:
    """Return the named sets of features."""
    return dict(catalogue.PRESETS)
