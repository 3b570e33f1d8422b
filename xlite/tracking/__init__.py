"""Run folders replayed into the trackers of others."""
