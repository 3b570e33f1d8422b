"""The doctor's checks: each a small function that sees one thing and says what it saw."""
