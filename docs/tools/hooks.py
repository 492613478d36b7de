"""What mkdocs does besides for this site: README.md and CONTRIBUTING.md become pages of it.

They lie at the top of the repository, where people look for them; links in them, and to them, are
those that work there, and are turned into the site's.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

#: Files beside docs/, and the pages that they become.
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files that lie beside docs/."""
    root = Path(config.config_file_path).parent
    for name, page in PAGES.items():
        text = (root / name).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links from the top of the repository into docs/, and from docs/ to the top."""
    for name, target in PAGES.items():
        markdown = re.sub(rf"\]\((\.\./)?{re.escape(name)}", f"]({target}", markdown)
    return markdown.replace("](docs/", "](")
