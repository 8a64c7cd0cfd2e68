"""A merchant's brand: only pictures and colours get in, and every text in its colours can be read."""

import base64
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.brand import (
    CONTRAST,
    DARK_GROUNDS,
    GROUNDS,
    MAX_LOGO,
    Brand,
    Branded,
    brand_of,
    contrast,
    language_of,
    legible,
)
from api.pages import asset
from definitions.orders.rows import Account

PNG, JPEG, SVG = b"\x89PNG\r\n\x1a\n rest", b"\xff\xd8\xff\xe0 rest", b'<svg xmlns="http://www.w3.org/2000/svg"/>'

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def a_logo(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def an_account(**said: Any) -> Account:
    return Account("14/89", "dfc", "Dhruv Foods", "Asia/Kolkata", msgspec.json.encode(said).decode())


def the_colours(stylesheet: bytes) -> list[dict[str, str]]:
    """Return the colours of both schemes, by name."""
    schemes = re.findall(r":root\{([^}]*)\}", stylesheet.decode())
    return [dict(each.removeprefix("--").split(":") for each in scheme.split(";")) for scheme in schemes]


@pytest.mark.parametrize(
    ("logo", "picture"),
    [
        (a_logo("png", PNG), ("image/png", PNG)),
        (a_logo("jpeg", JPEG), ("image/jpeg", JPEG)),
        (a_logo("svg+xml", SVG), ("image/svg+xml", SVG)),
        (a_logo("svg+xml", b"\xef\xbb\xbf<?xml version='1.0'?>" + SVG), None),
    ],
    ids=["png", "jpeg", "svg", "svg with a byte order mark"],
)
def test_a_logo_is_a_picture(logo: str, picture: tuple[str, bytes] | None) -> None:
    brand = msgspec.convert({"logo": logo}, Brand)

    assert brand.picture is not None
    assert picture is None or brand.picture == picture


@pytest.mark.parametrize(
    "wrong",
    [
        {"logo": a_logo("gif", b"GIF89a")},
        {"logo": a_logo("png", JPEG)},
        {"logo": a_logo("jpeg", SVG)},
        {"logo": a_logo("svg+xml", b"<html><script>alert(1)</script></html>")},
        {"logo": a_logo("svg+xml", b"<?xml version='1.0'?><html/>")},
        {"logo": "https://shop.example/logo.png"},
        {"logo": "data:image/png;base64,!!!!"},
        {"logo": "data:image/png;base64,abcde"},
        {"logo": "data:text/html;base64,PHN2Zz4="},
        {"logo": a_logo("png", PNG) + "\n"},
        {"logo": a_logo("png", PNG + b"x" * MAX_LOGO)},
        {"logo": ""},
        {"accent": "red"},
        {"accent": "#12345"},
        {"accent": "#123456;}*{display:none"},
        {"accent": "#123456\n"},
        {"accentDark": "#12345g"},
        {"accent": 0x123456},
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 81},
        {"colour": "#123456"},
    ],
)
def test_what_is_no_brand_is_refused_and_never_shown(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Brand)
    assert brand_of(an_account(brand=wrong)) == Brand()


@given(colours, colours)
def test_every_text_in_a_brand_s_colours_can_be_read(accent: str, dark: str) -> None:
    schemes = the_colours(Brand(accent=accent, accent_dark=dark).stylesheet)

    assert [scheme["brand"] for scheme in schemes] == [accent, dark]
    for scheme, grounds in zip(schemes, (GROUNDS[1:], DARK_GROUNDS), strict=True):
        assert contrast(scheme["brand-ink"], scheme["brand"]) >= CONTRAST
        assert contrast(scheme["accent-ink"], scheme["accent"]) >= CONTRAST
        for ground in (*grounds, scheme["accent-wash"]):
            assert contrast(scheme["accent"], ground) >= CONTRAST


@given(colours)
def test_a_colour_that_can_be_read_is_left_as_it_is(colour: str) -> None:
    is_legible = all(contrast(colour, ground) >= CONTRAST for ground in GROUNDS)

    assert (legible(colour, GROUNDS) == colour) == is_legible


def test_contrast_is_that_of_wcag() -> None:
    pairs = (("#ffffff", "#000000"), ("#777777", "#ffffff"), ("#abcdef", "#abcdef"))

    assert [round(contrast(*pair), 2) for pair in pairs] == [21.0, 4.48, 1.0]


def test_the_grounds_are_those_of_the_pages() -> None:
    css = (asset("site.css") or b"").decode()
    light, dark = css.split("@media (prefers-color-scheme: dark)")[:2]
    tokens = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in (light, dark)]

    light_grounds, dark_grounds = ("accent-wash", "raised", "ground"), ("raised", "ground")
    assert tuple(tokens[0][name] for name in light_grounds) == GROUNDS
    assert tuple(tokens[1][name] for name in dark_grounds) == DARK_GROUNDS


def test_an_account_s_pages_are_named_and_found_by_its_id() -> None:
    plain = Branded.of(an_account())
    whole = Branded.of(an_account(brand={"name": "Dhruv", "logo": a_logo("png", PNG), "accent": "#123456"}))

    assert plain == Branded("Dhruv Foods")
    assert re.fullmatch(r"/brands/14%2F89/site\.css\?v=[0-9a-f]{10}", whole.stylesheet)
    assert re.fullmatch(r"/brands/14%2F89/logo\?v=[0-9a-f]{10}", whole.logo)
    assert whole.name == "Dhruv"


@pytest.mark.parametrize(("said", "language"), [({}, ""), ({"language": "hi"}, "hi"), ({"language": 5}, "")])
def test_an_account_s_language_is_a_text(said: dict[str, Any], language: str) -> None:
    assert language_of(an_account(**said)) == language
