"""Checklists for publications, answered from the files of a run or a study."""
