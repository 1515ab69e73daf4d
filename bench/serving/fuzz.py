"""Requests that the service's own OpenAPI document allows, and requests that it forbids.

    python -m bench.serving.fuzz --home FOLDER [--examples 50]

Schemathesis makes both from the document, follows its links from one answer to the next request,
and judges what comes back with all its checks. What it cannot know is what a document cannot say:
a cursor that was never given, a track that does not exist, fields that exclude each other. A 422
for one of these is no finding; a 422 about a single field that the document allows is one.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import Interaction

from bench.machine import describe_machine
from bench.serving.load import running, serving
from data.access import Scope
from recsys.workspace import Workspace
from tests.end_to_end.service import Service

RESULT = Path("bench/results/serving.json")
PHASES = ("examples", "coverage", "fuzzing", "stateful")
_OF_MEANING = frozenset({"unknown-track", "parameter", "audio", "audio-type"})
"""Problems whose rule no schema can express."""
_JUDGING = frozenset({"positive_data_acceptance", "negative_data_rejection", "unsupported_method"})
"""Checks of what a request is answered with that do not know how long an address may be."""
_OF_THE_CLOCK = ".timestamp"
_WHOLE_BODY = "_schema"


@dataclass(frozen=True)
class Finding:
    """One check that failed on one kind of request."""

    check: str
    operation: str
    message: str
    request: str
    answer: str


@dataclass
class Outcome:
    """What a run found.

    Parameters
    ----------
    statuses : Counter
        Answers by status.
    phases : Counter
        Answers by phase.
    operations : set of str
        Operations that were asked.
    findings : list of Finding
        The first of each kind.
    errors : list of str
        What went wrong in the run itself.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    phases: Counter[str] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def fuzz(
    address: str,
    document: dict[str, Any],
    key: str,
    *,
    examples: int,
    seed: int = 0,
    phases: Collection[str] = PHASES,
) -> Outcome:
    """Ask the service at `address` whatever `document` allows and forbids.

    Parameters
    ----------
    address : str
        Of the running service.
    document : dict
        Its OpenAPI document; every status that may come has to stand in it by number.
    key : str
        A key that may do everything.
    examples : int
        Requests for each operation and direction in the random phases.
    seed : int
        Of what is random.
    phases : collection of str
        Some of `PHASES`.
    """
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "base-url": address,
            "headers": {"Authorization": f"Bearer {key}"},
            "continue-on-failure": True,
            "request-timeout": 120,
            "suppress-health-check": ["all"],
            "generation": {
                "max-examples": examples,
                "deterministic": True,
                "database": "none",
                "no-shrink": True,
            },
            "phases": {name: {"enabled": name in phases} for name in PHASES},
        }
    )
    schema = schemathesis.openapi.from_dict(_strict(document), config=config)
    outcome, known = Outcome(), set()
    for event in from_schema(schema).execute():
        if isinstance(event, NonFatalError | FatalError):
            outcome.errors.append(str(event.info))
        if not isinstance(event, ScenarioFinished):
            continue
        recorder = event.recorder
        for case_id, interaction in recorder.interactions.items():
            outcome.operations.add(recorder.cases[case_id].value.operation.label)
            if interaction.response is not None:
                outcome.statuses[interaction.response.status_code] += 1
                outcome.phases[event.phase.value] += 1
        for case_id, checks in recorder.checks.items():
            operation = recorder.cases[case_id].value.operation.label
            for check in checks:
                if check.failure_info is None or (check.name, operation) in known:
                    continue
                interaction = recorder.interactions.get(case_id)
                if check.name in _JUDGING and _too_long(interaction):
                    continue
                if check.name == "positive_data_acceptance" and _of_meaning(interaction):
                    continue
                known.add((check.name, operation))
                message = check.failure_info.failure.message
                outcome.findings.append(_finding(check.name, operation, message, interaction))
    return outcome


def _strict(document: dict[str, Any]) -> dict[str, Any]:
    """`document` without the answers that stand for any status."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    for operations in copy["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("default", None)
    return copy


def _too_long(interaction: Interaction | None) -> bool:
    """Whether the HTTP server did not take the address."""
    response = None if interaction is None else interaction.response
    return response is not None and response.status_code == 414


def _of_meaning(interaction: Interaction | None) -> bool:
    """Whether a request was refused for what it means, not for how a field is written."""
    if interaction is None or interaction.response is None:
        return False
    if interaction.response.status_code not in (415, 422):
        return False
    problem = json.loads(interaction.response.content)
    name = str(problem["type"]).rpartition(":")[2]
    if name != "validation":
        return name in _OF_MEANING
    body = interaction.request.body or b""
    return all(_beyond_schemas(error["field"], body) for error in problem["errors"])


def _beyond_schemas(field: str, body: bytes) -> bool:
    """Whether the rule that `field` of `body` broke is over several fields, or over the time."""
    if field == _WHOLE_BODY or field.endswith(_OF_THE_CLOCK):
        return True
    try:
        value = json.loads(body)
    except ValueError:
        return False
    for part in field.split("."):
        value = value[int(part)] if isinstance(value, list) else value.get(part)
    return isinstance(value, dict)


def _finding(check: str, operation: str, message: str, interaction: Interaction | None) -> Finding:
    if interaction is None:
        return Finding(check, operation, message, "", "")
    sent, got = interaction.request, interaction.response
    body = (sent.body or b"")[:400]
    answer = "" if got is None else f"{got.status_code} {got.content[:400]!r}"
    return Finding(check, operation, message, f"{sent.method} {sent.uri[:400]} {body!r}", answer)


def main() -> None:
    """Fuzz the real server over a workspace that nobody needs, print, and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True, help="workspace to be spoilt")
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    keys = Workspace.open(arguments.home).open_keys()
    _, key = keys.create("fuzz", [Scope.ADMIN], requests_a_minute=1_000_000)
    keys.close()
    with (
        tempfile.TemporaryDirectory() as scratch,
        running(serving(arguments.home), Path(scratch), "/health/ready") as server,
    ):
        service = Service(server.process, server.address, server.log)
        document = service.get("/openapi.json").json()
        began, workers = time.perf_counter(), server.workers()
        outcome = fuzz(server.address, document, key, examples=arguments.examples)
        found = {
            "examples": arguments.examples,
            "seconds": round(time.perf_counter() - began),
            "operations": len(outcome.operations),
            "answers": sum(outcome.statuses.values()),
            "statuses": dict(outcome.statuses),
            "phases": dict(outcome.phases),
            "findings": [asdict(finding) for finding in outcome.findings],
            "errors": outcome.errors,
            "workers_stayed": server.workers() == workers,
            "load_average": os.getloadavg(),
        }
    print(json.dumps(found, indent=2))
    kept = json.loads(arguments.output.read_text()) if arguments.output.exists() else {}
    kept |= {"machine": describe_machine(), "fuzz": found}
    arguments.output.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
