"""The documents: commands in them exist with these flags, and links lead somewhere."""

from __future__ import annotations

import functools
import re
import shlex
from pathlib import Path

import pytest

from realtime.verb_help import help_page
from realtime.verbs import FAMILIES, VERBS
from tests.conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "realtime").rglob("*.md")])


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def commands(page: Path) -> list[list[str]]:
    """The words after `sealcap` of every line in a block of code, without comments."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = [
        line.replace("\\\n", " ") for block in blocks for line in block.replace("\\\n", " ").splitlines()
    ]
    found = []
    for line in lines:
        words = shlex.split(line, comments=True) if re.match(r"(\.venv/bin/)?sealcap\s", line) else []
        for sign in ("|", "&", "&&", ">"):
            words = words[: words.index(sign)] if sign in words else words
        found += [words[1:]] if words else []
    return found


@functools.cache
def flags(verb: str) -> frozenset[str]:
    if VERBS[verb].target.startswith("training."):
        pytest.importorskip("torch")
    page = help_page(verb)
    words = {word for flag in page.flags for word in (flag.name, flag.off, flag.short)}
    return frozenset(words | {"--help", "--help-all", "--debug"})


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_exist(page: Path) -> None:
    """Every `sealcap` line of the documents names a verb and flags of that verb."""
    for words in commands(page):
        if not words or words[0].startswith("--") or (words[0] in FAMILIES and len(words) == 1):
            continue
        verb = next((v for v in (" ".join(words[:2]), words[0]) if v in VERBS), None)
        assert verb is not None, f"sealcap {' '.join(words)}"
        typed = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert typed <= flags(verb), f"sealcap {' '.join(words)}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", head).replace("`", "") for head in heads]
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in plain}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    """Files and headings that a page links to are there."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), target
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), target
