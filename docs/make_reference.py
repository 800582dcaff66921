"""Writes docs/reference-config.md and docs/reference-commands.md from the code: python docs/make_reference.py

A test fails when they are out of date. Needs the development dependencies, for the training verbs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from realtime.config import RunConfig, config_path, load_run_config
from realtime.flags import REQUIRED, Flag, about, flags_of_model
from realtime.help_page import HelpPage, default_text
from realtime.verb_help import help_page
from realtime.verbs import FAMILIES, GROUPS, VERBS, family
from training.config import TrainingConfig

HERE = Path(__file__).resolve().parent
GENERATED = "<!-- Made by `python docs/make_reference.py`; a test fails when it is out of date. -->"
PACKAGED = ("live", "fast", "quality", "demo")


def config_page() -> str:
    """Every key of a run's and of a training's YAML file."""
    run = [
        *_section("", "At the top", RunConfig),
        *(line for key, model in _sections(RunConfig) for line in _section(key, f"`{key}:`", model)),
    ]
    training = [
        *_section("", "At the top", TrainingConfig, yaml=True),
        *(
            line
            for key, model in _sections(TrainingConfig)
            for line in _section(key, f"`{key}:`", model, yaml=True)
        ),
    ]
    return "\n".join(
        [
            "# Settings, key by key",
            "",
            GENERATED,
            "",
            "A run takes its settings from a YAML file (`--config NAME` or `--config FILE.yaml`) and from",
            "flags, which win. Every key is also a flag; what is left out keeps its default. A key that does",
            "not exist is an error that names the nearest one. Values are checked before anything starts.",
            "",
            "```",
            "solve:",
            "  smooth: 0.3        # the same as --smooth 0.3",
            "out:",
            "  vmc: [127.0.0.1:39539]",
            "```",
            "",
            "Packaged files, and what they change:",
            "",
            *_packaged(),
            "",
            "## Of a run",
            "",
            *run,
            "## Of a training",
            "",
            "For `sealcap train CONFIG` ([training.md](training.md)); begin with a copy of",
            "`configs/lifter.yaml` or `configs/seal.yaml`.",
            "",
            *training,
        ]
    )


def commands_page() -> str:
    """Every verb with every flag."""
    lines = [
        "# Commands and flags",
        "",
        GENERATED,
        "",
        "`sealcap` alone lists the verbs, `sealcap VERB --help` shows what most people need, `--help-all`",
        "all of it. With `--debug` anywhere, errors come with Python's traceback. Exit codes: 0 done, 2 bad",
        "usage or settings, 1 anything else.",
        "",
    ]
    for title, words in GROUPS.items():
        lines += [f"## {title}", ""]
        for word in words:
            lines += [f"`sealcap {word}`: {FAMILIES[word]}.", ""] if word not in VERBS else []
            for name in family(word):
                lines += _verb(help_page(name))
    return "\n".join(lines)


def _verb(page: HelpPage) -> list[str]:
    lines = [f"### sealcap {page.verb}", "", *page.about.split("\n"), ""]
    if page.examples:
        lines += ["```", *(f"sealcap {example}" for example in page.examples), "```", ""]
    same = _same_as_run(page)
    flags = [flag for flag in page.flags if not same or flag.positional or flag.name not in same]
    if flags:
        lines += ["| flag | default | what |", "|---|---|---|"]
        lines += [f"| {_code(flag.typed)} | {_default(flag)} | {_cell(flag.help)} |" for flag in flags]
        lines.append("")
    if same:
        lines += [f"And these of `sealcap run`: {', '.join(f'`{name}`' for name in same)}.", ""]
    return lines


def _same_as_run(page: HelpPage) -> list[str]:
    """Flags of other verbs that mean what they mean in `run`."""
    if page.verb == "run" or not VERBS[page.verb].model:
        return []
    run = {flag.name: flag.help for flag in help_page("run").flags}
    return [flag.name for flag in page.flags if not flag.positional and run.get(flag.name) == flag.help]


def _sections(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for key, field in model.model_fields.items():
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield key, part


def _section(key: str, title: str, model: type[BaseModel], *, yaml: bool = False) -> list[str]:
    flags = [flag for flag in flags_of_model(model, section=f"{key}." if key else "") if flag.section == key]
    head = "| key | values | default | what |" if yaml else "| key | flag | values | default | what |"
    rows = [_row(flag, yaml=yaml) for flag in flags]
    return [
        f"### {title}",
        "",
        _cell(about(model)),
        "",
        head,
        "|---" * (head.count("|") - 1) + "|",
        *rows,
        "",
    ]


def _row(flag: Flag, *, yaml: bool) -> str:
    values = " or ".join(part for part in (_values(flag), flag.limits) if part)
    typed = "" if yaml else f" {_code(flag.name)} |"
    return f"| `{flag.key}` |{typed} {values} | {_default(flag)} | {_cell(flag.help)} |"


def _values(flag: Flag) -> str:
    if not flag.value:
        return "true, false"
    if flag.limits:
        return ""
    text = ", ".join(flag.value.split("|"))
    return f"list of {text}" if flag.repeats else text


def _default(flag: Flag) -> str:
    if flag.default is REQUIRED:
        return "needed"
    text = str(list(flag.default)) if isinstance(flag.default, tuple) else default_text(flag.default)
    if not flag.value:
        return "true" if flag.default else "false"
    return _code(text) if text else ""


def _packaged() -> list[str]:
    plain = _flat(RunConfig().model_dump(mode="json"))
    lines = ["| file | what for | settings |", "|---|---|---|"]
    for name in PACKAGED:
        own = _flat(load_run_config(name).model_dump(mode="json"))
        other = [f"`{key}: {value}`" for key, value in own.items() if value != plain[key]]
        first = config_path(name).read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        lines.append(f"| `{name}` | {_cell(first)} | {', '.join(other) or 'none: all at their defaults'} |")
    return lines


def _flat(values: dict[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}": value}
    return found


def _code(text: str) -> str:
    return f"`{_cell(text)}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


PAGES = {"reference-config.md": config_page, "reference-commands.md": commands_page}


def main() -> None:
    """Write both."""
    for name, make in PAGES.items():
        (HERE / name).write_text(make().rstrip() + "\n", encoding="utf-8")
        sys.stdout.write(f"wrote docs/{name}\n")


if __name__ == "__main__":
    main()
