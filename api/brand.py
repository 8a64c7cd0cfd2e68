"""
How a merchant's pages look: its name, logo and colours, from the settings of its account.

Source: WCAG 2.2, 1.4.3 and the definition of "relative luminance": text has a contrast of 4.5 to its ground.

Rule 1: a colour is six hexadecimal digits and a logo is a picture by its content: neither can say anything else.
Rule 2: a brand's colour fills as it is, with text in black or white on it, whichever is better to read. Where it is a
        text's colour itself it is darkened, or lightened in the dark scheme, until it has its contrast: no colour is
        refused.
"""

import base64
import binascii
import hashlib
import re
from typing import Annotated
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct, field

from definitions.orders.rows import Account

MAX_LOGO = 64 * 1024
"""How many characters a logo's `data:` address has at most."""

CONTRAST = 4.5
GROUNDS = "#e2f1ec", "#ffffff", "#fbfcfb"
DARK_GROUNDS = "#1d2623", "#111715"
"""What texts stand on in the light scheme and in the dark one (api/assets/site.css), the hardest first."""

WASH, DARK_WASH = 0.1, 0.16
"""How much of a text's colour is in the ground of what it marks."""

_LOGO = re.compile(r"data:(image/png|image/jpeg|image/svg\+xml);base64,([A-Za-z0-9+/]+={0,2})")
_BEGINS = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}

Colour = Annotated[str, Meta(pattern=r"\A#[0-9A-Fa-f]{6}\Z")]
Name = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"\S")]


class Brand(Struct, frozen=True, forbid_unknown_fields=True):
    """
    What an account's pages show of its merchant.

    *logo* is a `data:` address of a PNG, JPEG or SVG. *accent_dark* is the colour in the dark scheme, if it is another.
    """

    name: Name | None = None
    logo: Annotated[str, Meta(max_length=MAX_LOGO)] | None = None
    accent: Colour | None = None
    accent_dark: Colour | None = field(name="accentDark", default=None)

    def __post_init__(self) -> None:
        if self.logo is not None and _picture(self.logo) is None:
            raise ValueError("a logo is a PNG, JPEG or SVG as a data: address in base64")

    @property
    def picture(self) -> tuple[str, bytes] | None:
        """Return the logo's media type and content, None if there is no logo."""
        return None if self.logo is None else _picture(self.logo)

    @property
    def stylesheet(self) -> bytes:
        """Return the stylesheet that brings the colours, empty if there are none."""
        if self.accent is None:
            return b""
        light = _scheme(self.accent, GROUNDS, WASH)
        dark = _scheme(self.accent_dark or self.accent, DARK_GROUNDS, DARK_WASH)
        return f":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root{{{dark}}}}}\n".encode()


class Branded(Struct, frozen=True):
    """What a page needs of a brand: its *name*, and the addresses of its stylesheet and its logo, "" for none."""

    name: str = ""
    stylesheet: str = ""
    logo: str = ""

    @classmethod
    def of(cls, account: Account) -> "Branded":
        """Return what an account's pages need."""
        brand = brand_of(account)
        at = f"/brands/{quote(account.account_id, safe='')}"
        return cls(
            brand.name or account.name,
            f"{at}/site.css?v={version(brand.stylesheet)}" if brand.stylesheet else "",
            f"{at}/logo?v={version(brand.picture[1])}" if brand.picture else "",
        )


class _Settings(Struct, frozen=True):
    brand: Brand = Brand()


def brand_of(account: Account) -> Brand:
    """Return an account's brand; one that cannot be read, as it was put before it was checked, is none."""
    try:
        return msgspec.convert(account.said(), _Settings).brand
    except msgspec.ValidationError:
        return Brand()


def language_of(account: Account) -> str:
    """Return the language that an account's customers are spoken to in, if they do not choose, "" if it names none."""
    named = account.said().get("language", "")
    return named if isinstance(named, str) else ""


def version(content: bytes) -> str:
    """Return what tells a content from others, for an address that changes with it."""
    return hashlib.sha256(content).hexdigest()[:10]


def _picture(logo: str) -> tuple[str, bytes] | None:
    found = _LOGO.fullmatch(logo)
    if found is None:
        return None
    kind, encoded = found.groups()
    try:
        content = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return None
    if kind in _BEGINS:
        return (kind, content) if content.startswith(_BEGINS[kind]) else None
    text = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    return (kind, content) if text.startswith((b"<svg", b"<?xml")) and b"<svg" in text else None


# Colours

_Rgb = tuple[int, int, int]
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    return _contrast(_rgb(one), _rgb(other))


def legible(colour: str, grounds: tuple[str, ...]) -> str:
    """Return a colour, mixed with as little black or white as gives it its contrast to all *grounds*."""
    ends = _BLACK if _luminance(_rgb(grounds[0])) > _MIDDLE else _WHITE
    for share in range(101):
        mixed = _mixed(_rgb(colour), ends, share / 100)
        if all(_contrast(mixed, _rgb(ground)) >= CONTRAST for ground in grounds):
            return _hex(mixed)
    raise ValueError(grounds)


_MIDDLE = 0.18
"""The luminance that is as far from black as from white."""


def _scheme(accent: str, grounds: tuple[str, ...], share: float) -> str:
    ground = _rgb(grounds[-1])
    # The ground of what is marked is made of the text's colour, which must stay legible on it.
    text = legible(accent, grounds)
    wash = _hex(_mixed(ground, _rgb(text), share))
    text = legible(text, (*grounds, wash))
    colours = {
        "brand": accent.lower(),
        "brand-ink": _ink(accent),
        "accent": text,
        "accent-ink": _ink(text),
        "accent-wash": wash,
    }
    return ";".join(f"--{name}:{value}" for name, value in colours.items())


def _ink(ground: str) -> str:
    """Return black or white, whichever is better to read on that."""
    return max("#000000", "#ffffff", key=lambda ink: contrast(ink, ground))


def _rgb(colour: str) -> _Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _hex(colour: _Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _mixed(one: _Rgb, other: _Rgb, share: float) -> _Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _contrast(one: _Rgb, other: _Rgb) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: _Rgb) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= _LINEAR_UNTIL else ((part + 0.055) / 1.055) ** 2.4


_LINEAR_UNTIL = 0.04045
