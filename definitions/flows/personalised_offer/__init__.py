"""The personalised offer."""
