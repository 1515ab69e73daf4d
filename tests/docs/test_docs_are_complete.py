from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from api.app import build_app
from api.services import Services
from data.importers import catalogue, listens
from data.schema import metadata
from recsys.cli.app import app as cli_app
from recsys.cli.output import FAILED, INCOMPLETE
from recsys.config import Config

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = sorted([README, ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
ON_EVERY_COMMAND = {"--help"}


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def without_code(markdown: str) -> str:
    return re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)


def code_lines(markdown: str) -> list[str]:
    blocks = re.findall(r"^ *```(?:sh)?\n(.*?)^ *```", markdown, flags=re.DOTALL | re.MULTILINE)
    return [line.strip() for block in blocks for line in block.splitlines()]


def sections(markdown: str, level: int) -> dict[str, str]:
    """Heading of `level` → text up to the next heading of that level or above."""
    parts = re.split(rf"^(#{{1,{level}}}) (.+)\n", markdown, flags=re.MULTILINE)[1:]
    triples = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return {
        title.strip().replace("`", ""): body for hashes, title, body in triples
        if len(hashes) == level
    }  # fmt: skip


def table_rows(markdown: str) -> list[list[str]]:
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


# Settings


def settings() -> dict[str, tuple[object, str, str]]:
    """Key → default as documentation names it, range, variable."""
    found = {}
    for name, field in Config.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for key, inner in kind.model_fields.items():
                found[f"{name}.{key}"] = (*described(inner), f"RECSYS_{name}__{key}".upper())
        else:
            found[name] = (*described(field), f"RECSYS_{name}".upper())
    return found


def described(field) -> tuple[object, str]:
    if field.default_factory is not None:
        default = "number of processors"
    elif field.default is None:
        default = "unset"
    else:
        default = list(field.default) if isinstance(field.default, tuple) else field.default
    limits = [
        f"{sign} {getattr(limit, name):g}"
        for limit in field.metadata
        for name, sign in (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤"))
        if hasattr(limit, name)
    ]
    return default, ", ".join(limits)


def documented_settings() -> dict[str, list[str]]:
    rows = [row for row in table_rows(text("configuration.md")) if len(row) == 5]
    return {row[0].strip("`"): row[1:] for row in rows if row[0].startswith("`")}


def as_value(cell: str) -> object:
    return tomllib.loads(f"x = {cell.strip('`')}")["x"] if cell.startswith("`") else cell


def test_the_settings_in_the_documentation_are_the_settings_there_are() -> None:
    assert documented_settings().keys() == settings().keys()


@pytest.mark.parametrize("key", settings())
def test_a_setting_is_documented_with_default_range_meaning_and_variable(key: str) -> None:
    default, limits, meaning, variable = documented_settings()[key]
    expected_default, expected_limits, expected_variable = settings()[key]
    assert as_value(default) == expected_default
    assert limits == expected_limits
    assert len(meaning) > 5
    assert variable == f"`{expected_variable}`"


# Routes


@pytest.fixture(scope="module")
def application():
    # Routes need no services until they are asked.
    return build_app(Services(None, None, None, max_upload_bytes=1))


@pytest.fixture(scope="module")
def routes(application) -> set[str]:
    found = set()
    for rule in application.url_map.iter_rules():
        path = re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule)
        found |= {f"{method} {path}" for method in rule.methods - {"HEAD", "OPTIONS"}}
    return found


@pytest.fixture(scope="module")
def documented_routes() -> dict[str, str]:
    return {
        title: body for title, body in sections(text("http-api.md"), 3).items()
        if re.match(r"[A-Z]+ /", title)
    }  # fmt: skip


def test_the_routes_in_the_documentation_are_the_routes_there_are(
    routes, documented_routes, application
) -> None:
    assert documented_routes.keys() == routes
    in_openapi = {
        f"{method.upper()} {path}"
        for path, operations in application.spec["paths"].items()
        for method in operations
        if method != "parameters"
    }
    assert in_openapi <= documented_routes.keys()


def test_every_route_has_a_curl_example_with_its_address(documented_routes) -> None:
    for title, body in documented_routes.items():
        path = re.sub(r"\\{[a-z_]+\\}", "[^/' ]+", re.escape(title.split()[1]))
        examples = [line for line in code_lines(body) if line.startswith("curl")]
        assert any(re.search(rf"127\.0\.0\.1:8000{path}['?]", line) for line in examples), title


def test_every_parameter_field_and_status_of_a_route_is_in_its_section(
    documented_routes, application
) -> None:
    spec = application.spec
    told = re.search(r"^Whatever the route,.*?\n\n", text("http-api.md"), re.DOTALL | re.MULTILINE)
    assert told is not None
    anywhere = {"default", *re.findall(r"\b[45]\d\d\b", told[0])} - {"512"}
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            body = documented_routes[f"{method.upper()} {path}"]
            parameters = [*operations.get("parameters", ()), *operation.get("parameters", ())]
            names = [p["name"] for p in parameters if p["in"] == "query"]
            for content in operation.get("requestBody", {}).get("content", {}).values():
                names += content["schema"].get("properties", {})
            for name in names:
                assert f"`{name}`" in body, f"{method} {path}: {name}"
            for status in operation["responses"]:
                if status not in anywhere:
                    assert status in body, f"{method} {path}: {status}"


def test_every_field_of_an_event_a_list_and_a_track_is_documented(application) -> None:
    schemas = application.spec["components"]["schemas"]
    for name in ("EventIn", "EventReceipt", "ListedTrack", "TrackList", "TrackOut", "Problem"):
        schema = next(found for key, found in schemas.items() if key.split(".")[-1] == name)
        for field in schema["properties"]:
            assert re.search(rf"[`\"]{field}[`\"]", text("http-api.md")), f"{name}.{field}"


def test_every_problem_type_that_the_code_names_is_documented() -> None:
    sources = " ".join(path.read_text("utf-8") for path in (ROOT / "api").rglob("*.py"))
    raised = re.findall(r"ProblemError\(\s*\d+,\s*\"([a-z-]+)\"", sources)
    ruled = re.findall(r"_Rule\(\d+, \"([a-z-]+)\"", sources)
    passed = re.findall(r"_respond\([^)]*?, \"([a-z-]+)\"", sources)
    assert len(raised) >= 4
    assert len(ruled) >= 5
    for name in {*raised, *ruled, *passed}:
        assert f"`urn:recsys:problem:{name}`" in text("http-api.md"), name


# Command line

ROOT_COMMAND = typer.main.get_command(cli_app)


def commands(command=ROOT_COMMAND, name="recsys") -> dict:
    """Full name → command, groups left out."""
    if not hasattr(command, "commands"):
        return {name: command}
    found = {}
    for verb, inner in command.commands.items():
        found |= commands(inner, f"{name} {verb}")
    return found


def test_the_commands_in_the_documentation_are_the_commands_there_are() -> None:
    documented = {title for title in sections(text("cli.md"), 2) if title.startswith("recsys")}
    assert documented == commands().keys()


@pytest.mark.parametrize("name", commands())
def test_a_command_is_documented_with_its_options_and_an_example(name: str) -> None:
    section = sections(text("cli.md"), 2)[name]
    documented = {
        option
        for row in table_rows(section)
        for option in re.findall(r"`(-[^`]*)`", row[0])
    }  # fmt: skip
    parameters = [p for p in commands()[name].params if p.param_type_name == "option"]
    options = {option for p in parameters for option in (*p.opts, *p.secondary_opts)}
    assert documented == options - ON_EVERY_COMMAND
    examples = code_lines(section)
    verbs = name.removeprefix("recsys ")
    assert any(re.match(rf"recsys (--home \S+ )?{verbs}( |$)", line) for line in examples)


def test_global_options_and_exit_statuses_are_documented() -> None:
    opening = text("cli.md").split("\n## recsys ")[0]
    for parameter in ROOT_COMMAND.params:
        for option in parameter.opts:
            assert f"| `{option}` |" in opening
    for status in (0, FAILED, 2, INCOMPLETE, 130):
        assert f"| {status} |" in opening


def parse(command, name: str, words: list[str], parent=None) -> None:
    """Parse `words` as the program would, without running anything."""
    context = command.make_context(name, words, parent=parent)
    if hasattr(command, "commands"):
        rest = [*context._protected_args, *context.args]
        verb, inner, words = command.resolve_command(context, rest)
        parse(inner, verb, words, context)


def command_lines() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for line in code_lines(page.read_text("utf-8")):
            match = re.match(r"(?:[A-Z_]+='?[^']*'? )*recsys (.+)", line)
            if match:
                found.append((page.name, match.group(1)))
    return found


def test_the_readme_goes_from_a_folder_and_a_log_to_recommendations() -> None:
    lines = [line for page, line in command_lines() if page == "README.md"]
    wanted = ["library add", "listens import", "embed", "train", "evaluate",
              "recommend", "serve"]  # fmt: skip
    assert [verb for line, verb in zip(lines, wanted, strict=False) if line.startswith(verb)] == (
        wanted
    )


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_a_command_line_in_the_documentation_parses(page: str, line: str) -> None:
    words = shlex.split(line.split(" > ")[0], comments=True)
    try:
        parse(ROOT_COMMAND, "recsys", words)
    except Exception as error:  # noqa: BLE001  (typer's own click is private)
        pytest.fail(f"{page}: recsys {line}: {error}")


@pytest.mark.parametrize(
    "line", ["similr x", "recommend", "evaluate --cores 5", "recommend a -n x"]
)
def test_a_wrong_command_line_does_not_parse(line: str) -> None:
    with pytest.raises(Exception, match=r"(?i)no such|missing|invalid|not a valid"):
        parse(ROOT_COMMAND, "recsys", shlex.split(line))


# Formats, store, Makefile


def test_every_column_that_an_importer_reads_is_documented() -> None:
    parts = sections(text("formats.md"), 2)
    for part, columns in (("Catalogue", catalogue.COLUMNS), ("Listens", listens.COLUMNS)):
        cells = " ".join(row[0] for row in table_rows(parts[part]))
        assert set(re.findall(r"`([a-z_]+)`", cells)) >= set(columns)


def test_every_table_of_the_store_is_documented() -> None:
    rows = {row[0] for row in table_rows(sections(text("architecture.md"), 2)["The store"])}
    assert {f"`{table}`" for table in metadata.tables} <= rows


def test_make_targets_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(code_lines(README.read_text("utf-8")))))
    assert {"demo", "test"} <= named <= targets


# Links


def slug(heading: str) -> str:
    """Anchor of a heading as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def links(page: Path) -> list[str]:
    markdown = re.sub(r"`[^`\n]*`", "", without_code(page.read_text("utf-8")))
    targets = re.findall(r"\]\(([^)\s]+)\)", markdown)
    targets += re.findall(r"(?:src|srcset|href)=\"([^\"]+)\"", markdown)
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_and_pictures_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            headings = re.findall(
                r"^#+ (.+)$", without_code(file.read_text("utf-8")), flags=re.MULTILINE
            )
            assert anchor in {slug(heading) for heading in headings}, target


def test_pictures_are_small_and_every_one_is_shown() -> None:
    shown = {
        (page.parent / target).resolve() for page in PAGES for target in links(page)
        if "images/" in target
    }  # fmt: skip
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.stat().st_size < 300_000, picture.name
        assert picture in shown, f"{picture.name} is on no page"


def test_documentation_names_no_machine_paths() -> None:
    for page in PAGES:
        assert not re.search(r"/(?:work|tmp|root)/", page.read_text("utf-8")), page.name
