"""Where in a film a model saw what it says, and whether that can be believed."""
