"""Settings: what is packaged loads, mistakes are explained, the command line has the last word."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from lifting.errors import ConfigError
from realtime.build import parse_address
from realtime.commands.run import parse
from realtime.config import MAX_CONFIG_BYTES, RunConfig, config_path, explain, load_run_config
from realtime.paths import config_dir

PACKAGED = ("demo", "fast", "live", "quality")


def explained(values: dict[str, object]) -> str:
    """What a person reads about these values."""
    with pytest.raises(ValidationError) as caught:
        RunConfig.model_validate(values)
    return explain(caught.value, RunConfig)


def written(folder: Path, text: str) -> str:
    """Path of a YAML file with this text."""
    path = folder / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_configurations_load_by_name_and_by_path(name: str) -> None:
    """A name, the file name and the path give the same settings."""
    by_name = load_run_config(name)
    assert by_name == load_run_config(str(config_dir() / f"{name}.yaml"))
    assert by_name == load_run_config(f"{name}.yaml")


def test_every_packaged_yaml_is_a_run_configuration_or_belongs_to_another_command() -> None:
    """A configuration that somebody adds later is either checked here or named here."""
    training = {"lifter", "lifter_tiny", "seal", "pose_machine", "compare", "compare_gpu"}
    others = training | {"models", "h36m", "3dhp", "h3wb"}
    assert {path.stem for path in config_dir().glob("*.yaml")} - others == set(PACKAGED)


def test_the_default_file_changes_nothing_but_says_everything() -> None:
    """configs/live.yaml documents the defaults, so it must hold the defaults."""
    assert load_run_config("live") == RunConfig()


def test_settings_survive_a_round_trip_through_the_recorded_json() -> None:
    """What a session file attaches gives back the settings of the run."""
    config = load_run_config("quality")
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


def test_an_empty_file_means_all_defaults(tmp_path: Path) -> None:
    """A file with comments only is a valid configuration."""
    assert load_run_config(written(tmp_path, "# nothing\n")) == RunConfig()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"detektor": {}}, ("unknown key detektor", "Did you mean detector?")),
        ({"detector": {"varient": "heavy"}}, ("unknown key detector.varient", "Did you mean variant?")),
        (
            {"camera": {"xyzzy": 1}},
            ("unknown key camera.xyzzy", "Valid here: fov, pitch, height, calibration."),
        ),
        ({"camera": {"fov": 500}}, ("camera.fov", "150", "500")),
        ({"person": {"person": "bob"}}, ("person.person", "'bob'", "`largest`, or the number of a person")),
        ({"solve": {"smooth": "much"}}, ("solve.smooth", "'much'")),
        ({"frames": 0}, ("frames", "1", "0")),
        ({"detector": 3}, ("detector", "3")),
    ],
)
def test_a_mistake_is_named_with_its_place_and_a_way_out(
    values: dict[str, object], words: tuple[str, ...]
) -> None:
    """Unknown keys get the nearest valid one or all valid ones; wrong values get the limit."""
    message = explained(values)
    assert all(word in message for word in words), message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("detector: [\n", "cannot be read as YAML"),
        ("- a\n- b\n", "must hold `key: value` lines"),
        ("detector: !!python/object/apply:os.getcwd []\n", "cannot be read as YAML"),
        ("#" * (MAX_CONFIG_BYTES + 1), "larger than 1 MiB"),
        ("sourse: demo\n", "Did you mean source?"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_in_one_line(
    tmp_path: Path, text: str, words: str
) -> None:
    """Also YAML that would run code, and YAML errors, which PyYAML spreads over several lines."""
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_run_config(path)
    assert words in str(caught.value)
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_lists_the_packaged_ones() -> None:
    """Whoever mistypes a configuration sees which there are."""
    with pytest.raises(ConfigError, match="demo, fast, live, quality"):
        config_path("fsat")


def test_the_command_line_overrides_the_file(tmp_path: Path) -> None:
    """What is given wins over the file, what is not given comes from it."""
    path = written(
        tmp_path, "source: demo\nperson: {people: 3}\nsolve: {smooth: 0.9}\ndetector: {threads: 7}\n"
    )
    args = ["synthetic", "--config", path, "--smooth", "0.1", "--detector", "movenet", "--frames", "5"]
    config = parse(args, "live", "sealcap run")
    assert (config.source, config.solve.smooth, config.detector.kind) == ("synthetic", 0.1, "movenet")
    assert (config.person.people, config.detector.threads, config.frames) == (3, 7, 5)


def test_the_file_decides_where_the_command_line_is_silent(tmp_path: Path) -> None:
    """`--config=PATH` and `--config PATH` are the same, and the source may come from the file."""
    path = written(tmp_path, "source: demo\nout: {web_port: 9000}\n")
    joined, spaced = (parse(args, "live", "x") for args in ([f"--config={path}"], ["--config", path]))
    assert joined == spaced
    assert (joined.source, joined.out.web_port) == ("demo", 9000)


def test_repeated_outputs_are_collected() -> None:
    """`--osc` and `--zmq` may be given several times."""
    config = parse(
        ["--osc", "127.0.0.1:1", "--osc", "127.0.0.1:2", "--zmq", "tcp://127.0.0.1:3"], "live", "x"
    )
    assert config.out.osc == ["127.0.0.1:1", "127.0.0.1:2"]
    assert config.out.zmq == ["tcp://127.0.0.1:3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:39570", ("127.0.0.1", 39570)),
        ("studio.local:1", ("studio.local", 1)),
        ("[::1]:65535", ("::1", 65535)),
    ],
)
def test_addresses_split_into_host_and_port(text: str, expected: tuple[str, int]) -> None:
    """IPv6 addresses stand in brackets, as in a browser."""
    assert parse_address(text, "--osc") == expected


@pytest.mark.parametrize(
    "text", ["", "localhost", ":9000", "host:", "host:0", "host:65536", "host:-1", "h:x", "h:²"]
)
def test_a_bad_address_is_refused_with_an_example(text: str) -> None:
    """The message names the option and shows the right form."""
    with pytest.raises(ConfigError, match=r"--osc .*give HOST:PORT, such as --osc 127\.0\.0\.1:39570"):
        parse_address(text, "--osc")


def test_long_mistakes_have_short_messages(tmp_path: Path) -> None:
    """A key or value of thousands of characters is cut in the message."""
    for text in (
        f"frames: {'[' * 50}{'9' * 3000}{']' * 50}",
        f"{'k' * 3000}: 1",
        f"detector: {{'{'k' * 3000}': 1}}",
    ):
        (tmp_path / "c.yaml").write_text(text)
        with pytest.raises(ConfigError) as told:
            load_run_config(str(tmp_path / "c.yaml"))
        assert len(str(told.value)) < 800
