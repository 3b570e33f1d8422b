"""How many batches are drawn to verify a sampler."""

FEWEST_BATCHES = 500
"""Where nobody says how many, and the rarest class needs no more."""
MOST_DRAWS = 20_000_000
"""Images that are drawn, at most: about a minute a sampler, for a share's third decimal long past
doubt."""
