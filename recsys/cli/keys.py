"""``recsys keys``: who may ask the service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from data.access import ApiKey, Scope
from recsys.cli.output import err, out
from recsys.cli.session import workspace_of

if TYPE_CHECKING:
    from data.store.keys import KeyStore
    from recsys.workspace import Workspace

app = typer.Typer(help="Make, list and revoke keys for the service.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


@app.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Who or what the key is for.")],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it may do; may be repeated [default: read].")
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(min=1, max=1_000_000, help="Requests a minute [default: the service's]."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key and show it, this once."""
    with _keys(workspace_of(context)) as keys:
        key, text = keys.create(name, scope or [Scope.READ], rate)
    if as_json:
        typer.echo(json.dumps(_row(key) | {"key": text}))
        return
    typer.echo(text)
    err.print(
        f"key {key.key_id} for {key.name}, scopes: {' '.join(sorted(key.scopes))}. Keep it: it is "
        "not stored and cannot be shown again.",
        markup=False,
    )


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """Keys, oldest first; what opens the service is not among what is kept."""
    with _keys(workspace_of(context)) as keys:
        rows = [_row(key) for key in keys.all()]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    if not rows:
        out.print("no key yet: run `recsys keys create NAME`")
        return
    columns = ("name", "scopes", "requests_a_minute", "created", "revoked")
    table = Table(Column("key", overflow="fold"), *(c.replace("_", " ") for c in columns))
    for row in rows:
        table.add_row(str(row["key_id"]), *(_cell(row[column]) for column in columns))
    out.print(table)


@app.command("revoke")
def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `recsys keys list` shows it.")],
) -> None:
    """Make a key worthless; a running service refuses it a second later."""
    with _keys(workspace_of(context)) as keys:
        key = keys.revoke(key_id)
    out.print(f"key {key.key_id} for {key.name} is revoked", markup=False)


@contextmanager
def _keys(workspace: Workspace) -> Iterator[KeyStore]:
    keys = workspace.open_keys()
    try:
        yield keys
    finally:
        keys.close()


def _row(key: ApiKey) -> dict[str, object]:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "requests_a_minute": key.requests_a_minute,
        "created": _time(key.created_at),
        "revoked": None if key.revoked_at is None else _time(key.revoked_at),
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _cell(value: object) -> str:
    return " ".join(value) if isinstance(value, list) else "" if value is None else str(value)
