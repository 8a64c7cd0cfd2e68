"""The repair visit."""
