"""Bundles that others recompute, and checklists answered from them."""
