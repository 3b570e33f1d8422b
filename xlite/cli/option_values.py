"""What the options of a group say, by the names of a settings class's fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xlite.errors import InputError, did_you_mean

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


def read_choice(option: str, value: str | None, choices: tuple[str, ...]) -> Any:
    """The value of an option that has names to choose from, None where it is not given.

    >>> read_choice("--blank", "absent", ("unknown", "absent"))
    'absent'
    """
    if value is not None and value not in choices:
        raise InputError(
            f"{option} is {', '.join(choices[:-1])} or {choices[-1]}, not {value!r}."
            f"{did_you_mean(value, choices)}"
        )
    return value


def parameter_name(option: str) -> str:
    """The name of an option in Python.

    >>> parameter_name("--focal-gamma")
    'focal_gamma'
    """
    return option.lstrip("-").replace("-", "_")
