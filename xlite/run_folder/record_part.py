"""What lies inside a record of a run folder."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Base of what lies inside a record: strict as the record is."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", allow_inf_nan=False, strict=True, defer_build=True
    )
