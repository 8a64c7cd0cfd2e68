"""The Flows that ship: each has its Flow JSON and the logic of its screens."""
