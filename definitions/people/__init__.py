"""Who is written to: their names, what they ask for in a chat, and what they are answered."""
