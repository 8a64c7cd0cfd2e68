import importlib.util
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.pictures import shipment
from diagrams import PicturesUnavailable, draw, render_png, render_svg
from diagrams.graphviz import Engine
from diagrams.letters import FONTS
from engine.model import Definition, State
from tests.diagrams.reading import picture
from tests.diagrams.samples import ORDER, ORDER_RUN


def size(png: bytes) -> tuple[int, int]:
    """Return a PNG's width and height, from its header."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    wide, high = struct.unpack(">II", png[16:24])
    return wide, high


def pixels(png: bytes) -> bytes:
    """Return what a PNG's picture data are unpacked to: rows of filtered bytes."""
    packed, place = b"", 8
    while place < len(png):
        length = struct.unpack(">I", png[place : place + 4])[0]
        if png[place + 4 : place + 8] == b"IDAT":
            packed += png[place + 8 : place + 8 + length]
        place += length + 12
    return zlib.decompress(packed)


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_a_png_is_the_svg_at_a_scale(scale: float) -> None:
    drawing = draw(ORDER, ORDER_RUN)
    root = picture(render_svg(drawing))

    wide, high = (float(root.get(name, "0")) * scale for name in ("width", "height"))
    assert size(render_png(drawing, scale)) == (wide, high)


def test_a_png_shows_something_and_the_same_each_time() -> None:
    png = render_png(draw(ORDER, ORDER_RUN))

    assert len(set(pixels(png))) > 100
    assert png == render_png(draw(ORDER, ORDER_RUN))


def drawn(*titles: str) -> bytes:
    """Return what states with these titles look like."""
    names = [f"s{number}" for number in range(len(titles))]
    return pixels(render_png(draw(Definition("d", "s0", tuple(map(State, names, titles)), ())), 1))


def test_words_are_drawn_with_the_fonts_that_ship() -> None:
    assert drawn("Order placed") != drawn("Order packed")
    assert drawn("शिपमेंट") != drawn("रास्ते में")  # not boxes
    assert drawn("🚚") != drawn("📦")
    assert drawn("发货", "شحن") == drawn("退货", "غاز")  # boxes


def test_an_emoji_that_the_font_does_not_have_is_drawn_as_what_it_has_of_it() -> None:
    tones, joined, selected, tagged = "👍🏽", "👩‍🦖", "🏳️‍🌈", "🏴󠁵󠁳󠁣󠁡󠁿"

    assert drawn(tones, joined, selected, tagged) == drawn("👍", "👩🦖", "🏳‍🌈", "🏴")


def test_what_is_very_large_is_drawn_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagrams.png.MOST_PIXELS", 1_000_000)

    wide, high = size(render_png(draw(ORDER), 40))
    assert 990_000 < wide * high < 1_010_000


def test_each_font_has_its_licence_beside_it() -> None:
    families = {path.stem.partition("-")[0] for path in FONTS.glob("*.ttf")}

    assert {path.name for path in FONTS.glob("*LICENSE.txt")} == {f"{family}-LICENSE.txt" for family in families}
    assert sum(path.stat().st_size for path in FONTS.glob("*.ttf")) < 1_200_000


@pytest.mark.parametrize("missing", ["py_mini_racer", "resvg_py"])
def test_without_the_libraries_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("diagrams.graphviz._ENGINE", Engine())
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else found(name))

    with pytest.raises(PicturesUnavailable, match=r"pip install 'waystate\[pictures\]'"):
        render_png(draw(ORDER))


def test_other_threads_run_while_a_png_is_drawn() -> None:
    drawing = draw(shipment())
    render_svg(drawing)
    turns = 0

    with ThreadPoolExecutor(1) as apart:
        drawn = apart.submit(render_png, drawing, 0.5)
        while not drawn.done():
            time.sleep(0.005)
            turns += 1

    assert drawn.result().startswith(b"\x89PNG")
    assert turns >= 10
