"""The pages of the documentation, read for tests: blocks of code, links, headings, code spans."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.paths import ROOT

DOCS = ROOT / "docs"
#: What lies at the top and is a page of the site, too.
TOP = (ROOT / "README.md", ROOT / "CONTRIBUTING.md")
PAGES = (*TOP, *sorted(DOCS.glob("*.md")))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (not run|planned|file): (.+?) -->\n\Z")
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#+) (.+?)(?: #+)?$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A block of code: its page, language and text, and what the comment above it says.

    ``mark`` is ``run`` without a comment; ``not run`` and ``planned`` give a reason, ``file`` the
    name of the file that the block is.
    """

    page: Path
    language: str
    code: str
    mark: str
    reason: str
    line: int

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        above = _MARK.search(text[: match.start()])
        mark, reason = above.groups() if above else ("run", "")
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page, match[1], match[2], mark, reason, line))
    return found


def prose(page: Path) -> str:
    """A page without its blocks of code and its comments."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


def spans(page: Path) -> list[str]:
    """What stands between backticks in the prose of a page."""
    return _SPAN.findall(prose(page))


def links(page: Path) -> list[str]:
    """Where the links and pictures of a page lead."""
    return _LINK.findall(prose(page))


def anchors(page: Path) -> dict[str, str]:
    """The headings of a page by their anchors as the site has them, and as GitHub has them."""
    from markdown.extensions.toc import slugify

    found = {}
    for _, heading in _HEADING.findall(prose(page)):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        found[slugify(text, "-")] = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
    return found


def snippets() -> Iterator[Block]:
    """All blocks of all pages."""
    for page in PAGES:
        yield from blocks(page)
