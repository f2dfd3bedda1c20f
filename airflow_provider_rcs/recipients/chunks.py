"""Some consecutive rows of a source, whose columns are converted only when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

Chunk = Mapping[str, Sequence[object]]
"""Some consecutive rows of a source: column -> cells, of the same length in each column."""

ROWS_PER_CHUNK = 5_000


class LazyChunk(Mapping[str, Sequence[object]]):
    """A chunk that converts a column to Python values when it is first asked for: most lists have columns of no use.

    :param columns: the names of the columns.
    :param read: returns the cells of the column at a position.
    :param hint: what an error about a missing column should add.
    """

    def __init__(self, columns: Sequence[str], read: Callable[[int], Sequence[object]], hint: str = "") -> None:
        self.hint = hint
        self._positions = {column: position for position, column in enumerate(columns)}
        self._read = read
        self._converted: dict[str, Sequence[object]] = {}

    def __getitem__(self, column: str) -> Sequence[object]:
        """Return the cells of a column."""
        if column not in self._converted:
            self._converted[column] = self._read(self._positions[column])
        return self._converted[column]

    def __contains__(self, column: object) -> bool:
        """Return whether there is a column of this name, without converting it."""
        return column in self._positions

    def __iter__(self) -> Iterator[str]:
        """Return the names of the columns, in their order."""
        return iter(self._positions)

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self._positions)
