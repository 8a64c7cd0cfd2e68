"""The NDR resolution."""
