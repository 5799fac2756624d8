"""Results as tables: text for the terminal, .csv and .xlsx for the paper."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from ... import extras
from ...contract import atomic

Cell = str | float


@dataclass(frozen=True)
class Table:
    """A table; ``nan`` is shown as a dash.

    Attributes:
        title: Its title.
        header: Names of the columns.
        rows: Rows as long as the header.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def text(self) -> str:
        """Returns the table as Markdown, with two decimals and aligned columns."""
        cells = [self.header] + [tuple(_shown(cell) for cell in row) for row in self.rows]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.header))]

        def line(row: tuple[str, ...]) -> str:
            return "| " + " | ".join(_aligned(i, cell, widths[i]) for i, cell in enumerate(row)) + " |"

        rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
        return "\n".join([self.title, "", line(cells[0]), rule, *map(line, cells[1:])])


def _shown(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    return "-" if math.isnan(cell) else f"{cell:.2f}"


def _aligned(column: int, cell: str, width: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)


def write_csv(path: Path, tables: list[Table]) -> None:
    """Writes all tables into one file, with an empty line between them.

    Raises:
        UserError: The file cannot be written.
    """
    with atomic.replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        for i, table in enumerate(tables):
            if i:
                writer.writerow([])
            writer.writerow([table.title, *table.header[1:]])
            for row in table.rows:
                writer.writerow(["" if isinstance(cell, float) and math.isnan(cell) else cell for cell in row])


def write_xlsx(path: Path, tables: list[Table]) -> None:
    """Writes one sheet a table.

    Raises:
        UserError: The file cannot be written or openpyxl is missing.
    """
    openpyxl = extras.require("openpyxl", "papers", "writes .xlsx")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for table in tables:
        sheet = book.create_sheet(table.title[:31])  # Excel takes no longer names
        sheet.append(list(table.header))
        for row in table.rows:
            sheet.append([None if isinstance(cell, float) and math.isnan(cell) else cell for cell in row])
    with atomic.replacing(path) as temporary:
        book.save(temporary)
