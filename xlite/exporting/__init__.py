"""A trained model as a folder that runs without xlite."""
