"""Flow JSON, Meta's language for Flows: what it allows by version, how it is read, what is wrong with a document."""
