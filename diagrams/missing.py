"""Why there is no picture: the libraries are not installed, or there is too much to draw."""

INSTALL = "pip install 'waystate[pictures]'"


class PicturesUnavailable(Exception):
    """The libraries that draw pictures are not installed."""

    def __init__(self) -> None:
        super().__init__(f"pictures need libraries that are not installed: {INSTALL}")


class TooMuchToDraw(Exception):
    """A definition has more states or arrows than a picture can show, or its layout took too long."""

    def __init__(self) -> None:
        super().__init__("this is too large for a picture; take it as Mermaid or DOT")
