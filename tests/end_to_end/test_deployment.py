"""Dockerfile, compose file and unit: what they say is run by hand, without a container engine."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from recsys.workspace import Workspace
from tests.end_to_end.command import environment
from tests.end_to_end.service import free_port, until

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "docs" / "deploy" / "recsys.service"


def instructions() -> dict[str, list[str]]:
    """Instruction → arguments, of the final stage."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    final = re.split(r"^FROM .*$", text, flags=re.MULTILINE)[-1]
    found: dict[str, list[str]] = {}
    for line in final.splitlines():
        if match := re.match(r"([A-Z]+) (.+)", line):
            found.setdefault(match[1], []).append(match[2].strip())
    return found


def variables() -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in instructions()["ENV"][0].split())


def command_of_the_container() -> list[str]:
    (entrypoint,), (command,) = instructions()["ENTRYPOINT"], instructions()["CMD"]
    program, *arguments = [*json.loads(entrypoint), *json.loads(command)]
    assert program == "recsys"
    return [sys.executable, "-m", "recsys", *arguments]


def healthy(port: int) -> bool:
    (check,) = instructions()["HEALTHCHECK"]
    program, *arguments = json.loads(check[check.index("[") :])
    assert program == "python"
    arguments = [text.replace(":8000", f":{port}") for text in arguments]
    done = subprocess.run([sys.executable, *arguments], stderr=subprocess.DEVNULL, timeout=60)
    return done.returncode == 0


def test_the_container_starts_with_a_key_is_healthy_and_ends_on_its_signal(tmp_path):
    port = free_port()
    settings = {name: text for name, text in variables().items() if name.startswith("RECSYS_")}
    settings |= {"RECSYS_HOME": str(tmp_path / "home"), "RECSYS_SERVE__PORT": str(port)}
    env = environment(settings)
    refused = subprocess.run(
        command_of_the_container(), env=env, capture_output=True, text=True, timeout=60
    )
    assert refused.returncode == 1
    assert "recsys keys create" in refused.stderr
    keys = Workspace.open(tmp_path / "home").open_keys()
    keys.create("me", ["admin"])
    keys.close()
    assert not healthy(port)
    with subprocess.Popen(
        command_of_the_container(), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            until(lambda: healthy(port))
        finally:
            process.send_signal(getattr(signal, instructions()["STOPSIGNAL"][0]))
        assert process.wait(60) == 0
    assert not healthy(port)


def test_the_container_runs_as_nobody_in_particular():
    final = instructions()
    assert int(final["USER"][0]) > 0
    assert final["VOLUME"] == [variables()["RECSYS_HOME"]]
    assert final["EXPOSE"] == ["8000"]
    assert "g++" not in " ".join(final["RUN"])  # the compiler stays in the first stage


def test_the_image_gets_every_package_and_nothing_of_the_workspace():
    kept = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert kept[0] == "*"
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    include = packages["tool"]["setuptools"]["packages"]["find"]["include"]
    for name in {pattern.split(".")[0].rstrip("*") for pattern in include}:
        assert f"!{name}" in kept
    for file in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        assert f"!{file}" in kept


def test_the_compose_file_leaves_the_container_no_more_than_it_needs():
    service = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["recsys"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert f"state:{variables()['RECSYS_HOME']}" in service["volumes"]
    # Longer than the server takes for what it has begun.
    assert int(service["stop_grace_period"].rstrip("s")) > 30


def test_compose_file_and_dockerfile_pass_their_linters():
    for command in (
        ["hadolint", "Dockerfile"],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"],
    ):
        program = Path(sys.executable).with_name(command[0])
        done = subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(UNIT)
    return parser["Service"]


def test_the_unit_starts_the_service_and_waits_for_its_end():
    service = unit()
    assert service["ExecStart"].endswith("/bin/recsys serve")
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > 30
    home = dict(pair.split("=") for pair in service["Environment"].split())["RECSYS_HOME"]
    assert home == f"/var/lib/{service['StateDirectory']}"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_unit_and_calls_it_safe(tmp_path):
    # It looks whether the program exists, which is elsewhere here.
    text = UNIT.read_text("utf-8").replace("/opt/recsys/bin/recsys", "/bin/true")
    file = tmp_path / "recsys.service"
    file.write_text(text, "utf-8")
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", file],
        capture_output=True,
        text=True,
        env=os.environ | {"SYSTEMD_LOG_LEVEL": "warning"},
    )
    said = [line for line in checked.stderr.splitlines() if file.name in line]
    assert (checked.returncode, said) == (0, [])
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=25", file],
        capture_output=True,
        text=True,
    )
    assert rated.returncode == 0, rated.stdout[-2000:] + rated.stderr
