"""What pytest leaves alone: a script that imports its neighbours."""

collect_ignore = ["kill_harness.py"]
