"""The documentation of a comparison: a section of methods-results.md, a CSV and a picture."""

from __future__ import annotations

from pathlib import Path

from lifting.errors import ConfigError
from training.compare.cell import CellResult, write_whole
from training.compare.config import CompareConfig
from training.compare.figure import write_forest
from training.compare.plan import count_cells
from training.compare.tables import (
    cost_table,
    csv_text,
    differences_table,
    means_table,
    paired_differences,
)

PAGE = "methods-results.md"
_TITLE = "# Training methods compared\n"


def write_report(
    config: CompareConfig, results: list[CellResult], failures: dict[str, str], finished: int, out: Path
) -> None:
    """Write the section between the comparison's markers; everything around it stays as it is.

    `finished` counts all trainings that ended well, those of the tuning included. Raises ConfigError when the
    page has lost one of the two markers.
    """
    out.mkdir(parents=True, exist_ok=True)
    stem = f"methods-results-{config.name}"
    differences = paired_differences(results, config.baseline)
    write_whole(out / f"{stem}.csv", csv_text(results))
    write_forest(differences, out / f"{stem}.png")
    page = out / PAGE
    before = page.read_text(encoding="utf-8") if page.is_file() else _TITLE
    text = section(config, results, failures, finished)
    write_whole(page, replace_section(before, config.name, text, page))


def section(config: CompareConfig, results: list[CellResult], failures: dict[str, str], finished: int) -> str:
    """Markdown of one comparison."""
    differences = paired_differences(results, config.baseline)
    devices = ", ".join(sorted({f"{r.device} ({r.threads} threads per training)" for r in results}))
    dates = sorted({r.date for r in results})
    size, stem = config.bank, f"methods-results-{config.name}"
    parts = [
        f"## {config.name}\n",
        f"{finished} of {count_cells(config)} trainings done"
        + (f", {dates[0]} to {dates[-1]}, on {devices}. " if dates else ". ")
        + f"{size.windows} training windows, made once; measured on {size.sequences} sequences of "
        f"{size.sequence_frames} frames of people in no other split.\n",
    ]
    if results:
        parts += [
            "### Errors on the test split, mean ± standard deviation over seeds\n",
            means_table(results),
            f"### Difference from {config.baseline}, paired by seed, ± half of the 95 % interval\n",
            f"{_claims(config, results)}\n",
            differences_table(differences) if differences else "None yet.\n",
            f"![Differences from {config.baseline}]({stem}.png)\n",
            f"Every cell with all digits: [{stem}.csv]({stem}.csv).\n",
            "### Cost\n",
            cost_table(results),
        ]
    if failures:
        parts += ["### Failed\n", "\n".join(f"* {cell}: {why}" for cell, why in failures.items()) + "\n"]
    return "\n".join(parts)


def replace_section(page: str, name: str, text: str, where: Path) -> str:
    """`page` with `text` between the markers of comparison `name`, at the end when it has none yet."""
    begin, end = f"<!-- compare:{name} begin -->", f"<!-- compare:{name} end -->"
    whole = f"{begin}\n{text}{end}"
    if begin not in page and end not in page:
        return f"{page.rstrip()}\n\n{whole}\n"
    head, found, rest = page.partition(begin)
    _, ended, tail = rest.partition(end)
    if not found or not ended:
        raise ConfigError(
            f"{where} lacks one of the lines {begin} and {end}. Add it, or delete the other one."
        )
    return head + whole + tail


def _claims(config: CompareConfig, results: list[CellResult]) -> str:
    """One sentence per arm: on how many backbones it changes what."""
    differences = paired_differences(results, config.baseline)
    sentences = [
        "Bold where the interval excludes 0; nothing else is a finding. Indicative rows make no claim."
    ]
    for arm in dict.fromkeys(d.arm for d in differences):
        counts = []
        for key in ("mpjpe_m", "lse", "bsle"):
            own = [d for d in differences if d.arm == arm and d.measure.key == key]
            lower = sum(d.interval.mean < 0 for d in own)
            gains = sum(d.verdict == "gain" for d in own)
            losses = sum(d.verdict == "loss" for d in own)
            title = own[0].measure.title.split()[0]
            counts.append(f"{title} lower on {lower} of {len(own)} ({gains} gains, {losses} losses)")
        sentences.append(f"{arm}: {'; '.join(counts)}.")
    return "\n".join(f"* {sentence}" for sentence in sentences)
