"""``recsys models``: published versions."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Column, Table

from data.errors import ArtefactError
from recsys.cli.output import out
from recsys.cli.session import workspace_of

app = typer.Typer(
    help="List model versions, go back to an earlier one, delete old ones.", no_args_is_help=True
)


@app.command("list")
def list_(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="List as JSON.")] = False,
) -> None:
    """Versions, newest first."""
    from recsys.files import read_pointer
    from recsys.manifest import read_manifest
    from recsys.versions import versions

    models = workspace_of(context).models
    current = read_pointer(models)
    rows: list[dict[str, object]] = []
    for version in reversed(versions(models)):
        row: dict[str, object] = {"version": version, "current": version == current}
        try:
            manifest = read_manifest(models / version)
        except ArtefactError as error:
            rows.append(row | {"damaged": str(error)})
            continue
        rows.append(
            row
            | {
                "created": manifest.created.isoformat(timespec="seconds"),
                "tracks": manifest.n_tracks,
                "listeners": manifest.n_listeners,
                "events": manifest.n_events,
                "encoder": manifest.encoder_id,
                "ranker": manifest.ranker,
            }
        )
    if as_json:
        typer.echo(json.dumps(rows))
        return
    if not rows:
        out.print("no model yet: run `recsys train`")
        return
    columns = ("created", "tracks", "listeners", "events", "encoder", "ranker")
    table = Table("", Column("version", overflow="fold"), *columns)
    for row in rows:
        mark = "→" if row["current"] else ""
        if "damaged" in row:
            table.add_row(mark, str(row["version"]), "damaged")
        else:
            table.add_row(
                mark, str(row["version"]), *(str(row[name] or "none") for name in columns)
            )
    out.print(table)


@app.command("rollback")
def rollback(context: typer.Context) -> None:
    """Make the version before the current one current; a running service follows."""
    from recsys.versions import rollback as go_back

    version = go_back(workspace_of(context).models)
    out.print(f"model {version} is current", markup=False)


@app.command("prune")
def prune(
    context: typer.Context,
    keep: Annotated[int, typer.Option(help="Versions to keep, the current one included.", min=1)],
) -> None:
    """Delete old versions; the current one stays, however old it is."""
    from recsys.versions import prune as delete

    deleted = delete(workspace_of(context).models, keep)
    for version in deleted:
        out.print(f"deleted {version}", markup=False)
    out.print(f"{len(deleted)} deleted")
