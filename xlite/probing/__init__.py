"""What a backbone's features are worth before it is trained: kept features, heads, a ranking."""
