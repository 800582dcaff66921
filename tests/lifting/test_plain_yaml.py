"""YAML from people: plain values in, and nothing that explodes."""

from __future__ import annotations

import time

import pytest
import yaml

from lifting.plain_yaml import MAX_DEPTH, parse_yaml, problem


def test_plain_values_are_those_of_yaml() -> None:
    """Lists, maps, numbers, text, nothing."""
    text = "a: [1, 2.5, {b: yes, c: null}]\nd:\n  - e\n  - 'f [ {'\n"
    assert parse_yaml(text) == yaml.safe_load(text)
    assert parse_yaml("") is None


@pytest.mark.parametrize("text", ["{" * 200_000, "[" * 200_000, "- " * 10_000, "a: &x [1]\nb: *x\n"])
def test_what_explodes_is_refused_at_once(text: str) -> None:
    """Nesting without end and aliases; PyYAML alone takes minutes for the first."""
    begin = time.perf_counter()
    with pytest.raises(yaml.YAMLError) as caught:
        parse_yaml(text)
    assert time.perf_counter() - begin < 1.0
    assert len(problem(caught.value)) <= 200


def test_the_depth_that_people_need_is_allowed() -> None:
    """Nested lists up to the limit."""
    depth = MAX_DEPTH - 1
    assert parse_yaml("[" * depth + "]" * depth)


def test_a_mistake_is_told_with_its_line() -> None:
    """Also a date that is none."""
    with pytest.raises(yaml.YAMLError) as caught:
        parse_yaml("a: 1\nb: [1\nc: 2\n")
    assert problem(caught.value).startswith("line ")
    with pytest.raises(yaml.YAMLError, match="month"):
        parse_yaml("a: 2026-13-01")
