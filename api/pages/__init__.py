"""The pages: Jinja templates beside this file, what they load in `api/assets`; nothing comes from elsewhere."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.console import addresses, words

HERE = Path(__file__).parent
ASSETS = HERE.parent / "assets"
ASSET_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png"}

_TEMPLATES = Environment(
    loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def render_page(name: str, **values: Any) -> bytes:
    """Return a page with *values* filled in, every one of them escaped."""
    return _TEMPLATES.get_template(name).render(**values).encode()


@cache
def asset(name: str) -> bytes | None:
    """Return what is served as `/assets/{name}`, None if there is no such thing."""
    path = ASSETS / name
    if path.suffix not in ASSET_TYPES or path.parent != ASSETS or not path.is_file():
        return None
    return path.read_bytes()


@cache
def asset_address(name: str) -> str:
    """
    Return where pages load an asset from: an address that changes with its content, so that browsers may keep it.

    Raises:
        FileNotFoundError: there is no such asset.
    """
    content = asset(name)
    if content is None:
        raise FileNotFoundError(name)
    return f"/assets/{name}?v={hashlib.sha256(content).hexdigest()[:10]}"


_TEMPLATES.globals.update({"asset": asset_address, **addresses.GLOBALS})
_TEMPLATES.filters.update(words.FILTERS)
