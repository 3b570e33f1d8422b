"""The rules of a study: pure functions of its plan and its ledger.

What can be done now is computed anew from these two by any process, at any time. What was decided
before stands in the ledger and is read from there; nothing in here reads a file or a clock, and
what is drawn is drawn from seeds.
"""
