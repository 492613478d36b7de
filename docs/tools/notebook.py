"""Write docs/notebook.ipynb, the page docs/notebook.md as a Jupyter notebook.

    python docs/tools/notebook.py

Blocks of Python become cells of code, everything else cells of text; blocks of shell stay text. The
notebook holds no outputs: whoever runs it makes their own.
"""

import re
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

DOCS = Path(__file__).resolve().parents[1]
PAGE, NOTEBOOK = DOCS / "notebook.md", DOCS / "notebook.ipynb"
_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)


def notebook_text() -> str:
    """The notebook as JSON; the same page gives the same text."""
    parts = _PYTHON.split(_COMMENT.sub("", PAGE.read_text(encoding="utf-8")))
    cells = []
    for place, part in enumerate(parts):
        text = part.strip("\n")
        if text:
            make = new_code_cell if place % 2 else new_markdown_cell
            cells.append(make(text, id=f"cell-{len(cells)}"))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return nbformat.writes(new_notebook(cells=cells, metadata=metadata)) + "\n"


if __name__ == "__main__":
    NOTEBOOK.write_text(notebook_text(), encoding="utf-8")
