"""Definitions for trials of delivery: a session that has something delivered each time it is asked to."""
