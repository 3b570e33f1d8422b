"""A run: the one reader and writer of its folder."""

from xlite.run_folder.folder import RunFolder, read_run
from xlite.run_folder.listing import list_runs
from xlite.run_folder.predictions import Predictions

__all__ = ["Predictions", "RunFolder", "list_runs", "read_run"]
