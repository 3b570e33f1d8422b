"""What the options of a group say, by the names of a settings class's fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xlite.settings import Settings


def read_fields(group: object, kind: type[Settings]) -> dict[str, Any]:
    """The value of each field of `kind` whose option is in the group, unless it is not set.

    The names of a group's fields are those of the options: `--pos-weight-power` is
    `pos_weight_power` in the group and `power` in `LossSettings`.
    """
    values = {
        field: getattr(group, parameter_name(kind.option(field)), None)
        for field in kind.model_fields
    }
    return {field: value for field, value in values.items() if value is not None}


def parameter_name(option: str) -> str:
    """The name of an option in Python.

    >>> parameter_name("--focal-gamma")
    'focal_gamma'
    """
    return option.lstrip("-").replace("-", "_")
