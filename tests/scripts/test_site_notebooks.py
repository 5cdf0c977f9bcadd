"""An executed notebook as a page: what it says and shows, in its order."""

from __future__ import annotations

import json
from importlib import util
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "site_notebooks.py"
CELLS = [
    {"cell_type": "markdown", "source": ["# Title\n", "Words."]},
    {
        "cell_type": "code",
        "source": ["print(1 < 2)\n", "run"],
        "outputs": [
            {"output_type": "stream", "text": ["True\n", "a <b>\n"]},
            {"output_type": "execute_result", "data": {"text/html": ["<p>\n", "x</p>"], "text/plain": "x"}},
            {"output_type": "display_data", "data": {"image/png": "QUJD\nREVG\n", "text/html": "<p>y</p>"}},
            {"output_type": "display_data", "data": {"application/json": {}}},
        ],
    },
    {"cell_type": "raw", "source": "left out"},
]
PAGE = """# Title
Words.

```python
print(1 < 2)
run
```

<pre>True
a &lt;b&gt;</pre>

<div><p>
x</p></div>

<img alt="The figure that this cell shows" src="data:image/png;base64,QUJDREVG">
"""


def test_a_page_holds_text_code_and_what_cells_showed(tmp_path: Path) -> None:
    spec = util.spec_from_file_location("site_notebooks", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": CELLS}))
    assert module.page_of(tmp_path / "n.ipynb") == PAGE
