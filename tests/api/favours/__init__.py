"""Definitions for trying the outbox: favours that ask for effects of each kind."""
