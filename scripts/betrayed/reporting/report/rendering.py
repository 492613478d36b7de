"""The template of the report, filled."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from betrayed.io.style import page_colours

TEMPLATES = Path(__file__).with_name("templates")
#: Scripts of the page, in their order.
SCRIPTS = ("tables.js", "marks.js", "curves.js", "layers.js", "player.js", "keys.js")


def render(context: Mapping[str, Any]) -> str:
    """The page as text. Whatever is in ``context`` is escaped, except our own SVG.

    Its own scripts are named by their hashes in a content security policy, so that a browser runs
    nothing else, and fetches nothing.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    scripts = [(TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS]
    css = page_colours() + (TEMPLATES / "report.css").read_text(encoding="utf-8")
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {hashes}"
    return environment.get_template("report.html.j2").render(
        context,
        policy=policy,
        css=css,
        scripts=scripts,
    )


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
