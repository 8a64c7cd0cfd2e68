"""What shoppers read, by language: the texts of their pages and letters, and how each language says dates and money."""
