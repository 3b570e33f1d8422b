"""What the files of a run or a study prove of an item of a checklist: a small function each.

Each takes the subject and returns a `Proof` or a `Gap`; it computes what it claims from the files
at hand, and where that differs from what they say, it is a gap that no statement can fill.
"""
