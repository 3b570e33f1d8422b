"""A study in short: what its plan and its ledger come to, for people and for `study.json`."""
