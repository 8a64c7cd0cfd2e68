"""What customers are told by message: the file that says how (messages.json), and what composes it."""
