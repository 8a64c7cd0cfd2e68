"""How it is reached: the app, its settings, every address and the command line."""
