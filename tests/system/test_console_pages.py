"""The reader of pages notices what is wrong with a page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.demo.processes import Processes
from tests import console_pages
from tests.console_pages import Reader

RIGHT = """
Say something:

```console
echo "port 8080 \\
    is open"
test -e file || touch file
```

```text
port ... open
```

In a second terminal, wait:

```console
echo ready; while [ ! -e saved/dag.py ]; do sleep 0.1; done; cp saved/dag.py loaded.py; sleep 60
```

```text
ready
```

Save this as `dag.py` in the folder that `echo "$PWD/saved"` prints; create it first:

```python
print("it is loaded")
```

Repeat this until it is loaded:

```console
python3 loaded.py
```

```text
it is loaded
```
"""


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(console_pages, "SECONDS_FOR_A_STEP", 5)
    terminals = Processes(tmp_path)
    yield Reader(os.environ, terminals, {"8080": "9090"})
    terminals.stop()


def test_a_right_page_is_followed_to_its_end(reader: Reader, tmp_path: Path) -> None:
    reader.follow(RIGHT)

    assert (tmp_path / "loaded.py").read_text() == 'print("it is loaded")\n'


@pytest.mark.parametrize(
    ("right", "wrong", "error"),
    [
        ("touch file", "touch no/file", "line 4: ended with 1"),
        ("test -e file", "test --nonsense $x", "line 4: ended with 1"),
        ('echo "port', 'false; echo "port', "line 4: ended with 1"),
        ("port ... open", "port ... closed", r"line 4: not printed: \['port ... closed'\]"),
        ("port ... open", "port 8081 is open", "line 4: not printed"),
        ("echo ready;", "echo waiting;", "line 16: not printed"),
        ("echo ready;", "eco ready;", "line-16 ended with code 127"),
        ("\nit is loaded\n", "\nit is not loaded\n", "line 32: not printed"),
    ],
)
def test_a_block_that_does_not_do_what_the_page_says_fails(reader: Reader, right: str, wrong: str, error: str) -> None:
    assert RIGHT.count(right) == 1

    with pytest.raises((AssertionError, RuntimeError), match=error):
        reader.follow(RIGHT.replace(right, wrong))


@pytest.mark.parametrize(
    ("right", "wrong", "error"),
    [
        ("Save this as", "This is", "line 26: the page does not say what to do"),
        ("```python", "```sql", "line 26: the page does not say what to do"),
        ("Say something:", "```text\nSaid\n```", "line 2: there is no command before"),
    ],
)
def test_a_block_that_nobody_could_follow_is_refused(reader: Reader, right: str, wrong: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        reader.follow(RIGHT.replace(right, wrong))
