"""One-to-one assignment of few to few, exact."""

from __future__ import annotations

from collections.abc import Sequence


def assign(costs: Sequence[Sequence[float]], limit: float) -> list[int | None]:
    """For each row the column it gets, or None; the sum over all rows is the least possible.

    A row without a column costs `limit`; a pair that costs as much or more is never made (NaN neither).
    Every column is given once. A depth-first search that leaves a branch as soon as it cannot win: pairs
    beyond the limit are never tried, so people who stand apart cost nothing.
    """
    rows = [sorted((c, j) for j, c in enumerate(row) if c < limit) for row in costs]
    cheapest = [row[0][0] if row else limit for row in rows]
    ahead = [sum(cheapest[i:]) for i in range(len(rows) + 1)]
    best: tuple[float, list[int | None]] = (limit * len(rows), [None] * len(rows))
    chosen: list[int | None] = []

    def extend(spent: float) -> None:
        nonlocal best
        i = len(chosen)
        if spent + ahead[i] >= best[0]:
            return
        if i == len(rows):
            best = spent, list(chosen)
            return
        for cost, column in (*rows[i], (limit, None)):
            if column is None or column not in chosen:
                chosen.append(column)
                extend(spent + cost)
                chosen.pop()

    extend(0.0)
    return best[1]
