"""The few pages that need no script: Jinja templates beside this file, one stylesheet, nothing from elsewhere."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent

_TEMPLATES = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def render_page(name: str, **values: Any) -> bytes:
    """Return a page with *values* filled in, every one of them escaped."""
    return _TEMPLATES.get_template(name).render(**values).encode()


def stylesheet() -> bytes:
    """Return the pages' stylesheet."""
    return (HERE / "site.css").read_bytes()
