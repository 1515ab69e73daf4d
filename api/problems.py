"""The one error shape: RFC 9457 problem details for everything that goes wrong.

Every ``RecsysError`` has its status here; anything unexpected is a 500 that tells the client
nothing but the request id, under which the log has the traceback.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from apiflask import APIFlask, HTTPError
from flask import Response
from pydantic import BaseModel, Field
from werkzeug.exceptions import HTTPException

from api.requestlog import Log, request_id
from data.errors import (
    ArtefactError,
    AudioError,
    NotAnalysedError,
    NotFoundError,
    NotReadyError,
    ParameterError,
    RecsysError,
    UnknownTrackError,
)

MEDIA_TYPE = "application/problem+json"
MAX_FIELD_ERRORS = 100
NOT_READY_RETRY_S = 30


class FieldError(BaseModel):
    """One field that was refused."""

    location: str = Field(description="json, query, form_and_files or path")
    field: str = Field(description="Path of the field, such as events.3.track_id")
    message: str


class Problem(BaseModel):
    """An error, as RFC 9457 problem details."""

    type: str = Field(
        description="about:blank, or urn:recsys:problem:NAME with NAME one of validation, "
        "unknown-track, not-found, not-ready, not-analysed, parameter, audio, audio-type, "
        "media-type, too-large, busy, streaming, overloaded, rate, key, scope, origin, host"
    )
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field(
        default=[], description=f"Refused fields, the first {MAX_FIELD_ERRORS}"
    )
    request_id: str


class ProblemError(Exception):
    """Ends a request with a problem.

    Parameters
    ----------
    status : int
        HTTP status.
    name : str
        Last part of the problem's type, stable for programs.
    detail : str
        What happened and what to do, for people.
    errors : list of FieldError, optional
        Refused fields.
    retry_after : int, optional
        Seconds after which to try again.
    headers : Mapping, optional
        Further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        name: str,
        detail: str,
        errors: list[FieldError] | None = None,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.name = name
        self.detail = detail
        self.errors = errors or []
        self.retry_after = retry_after
        self.headers = headers or {}


@dataclass(frozen=True)
class _Rule:
    status: int
    name: str
    retry_after: int | None = None


_RULES: dict[type[RecsysError], _Rule] = {
    UnknownTrackError: _Rule(404, "unknown-track"),
    NotFoundError: _Rule(404, "not-found"),
    NotAnalysedError: _Rule(409, "not-analysed"),
    NotReadyError: _Rule(503, "not-ready", NOT_READY_RETRY_S),
    ParameterError: _Rule(422, "parameter"),
    AudioError: _Rule(422, "audio"),
}


Responses = dict[int | str, dict[str, str | dict[str, dict[str, Any]]]]
"""OpenAPI responses by status, as apiflask takes them."""


def problem_responses(descriptions: Mapping[int, str]) -> Responses:
    """OpenAPI responses with the problem shape, by status."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": text, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status, text in descriptions.items()
    }


def created_as(schema: str, description: str) -> Responses:
    """OpenAPI response 201 with the body `schema`, beside a 200 with the same."""
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {
        201: {"description": description, "content": {"application/json": {"schema": reference}}}
    }


def add_problem_schema(spec: dict[str, Any]) -> dict[str, Any]:
    """Give the OpenAPI document `spec` the problem shape, as the default of every operation."""
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs"))
    schemas["Problem"] = schema
    default = {0: "Any other error"}
    for operations in spec["paths"].values():
        for operation in operations.values():
            operation["responses"].setdefault("default", problem_responses(default)[0])
    return spec


def install_problem_handlers(app: APIFlask, log: Log) -> None:
    """Make `app` answer every error as a problem; unexpected ones go to `log`."""

    def unexpected(error: Exception) -> Response:
        log.error("unhandled", request_id=request_id(), exc_info=error)
        return _respond(500, None, "something failed here; the log has it under the request id")

    def recsys(error: RecsysError) -> Response:
        if isinstance(error, ArtefactError):
            # Its message names files of this machine.
            log.error("artefact", request_id=request_id(), exc_info=error)
            detail = "the published model cannot be read; publish another with `recsys train`"
            return _respond(503, "not-ready", detail, retry_after=NOT_READY_RETRY_S)
        rule = next((_RULES[kind] for kind in type(error).__mro__ if kind in _RULES), None)
        if rule is None:
            return unexpected(error)
        return _respond(rule.status, rule.name, str(error), retry_after=rule.retry_after)

    def invalid(error: HTTPError) -> Response:
        errors = [
            FieldError(
                location=location, field=field, message=message.removeprefix("Value error, ")
            )
            for location, fields in error.detail.items()
            for field, messages in fields.items()
            for message in messages
        ]
        first = errors[0]  # a field of the whole body is called _schema by apiflask
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        detail = f"{first.field}: {first.message}{more}"
        return _respond(error.status_code, "validation", detail, errors=errors)

    def http(error: HTTPException) -> Response:
        response = _respond(
            error.code or 500, None, error.description or "the server refused this request"
        )
        kept = {"allow", "retry-after", "content-range"}
        for key, value in error.get_headers():
            if key.lower() in kept:
                response.headers[key] = value
        return response

    def problem(error: ProblemError) -> Response:
        response = _respond(
            error.status, error.name, error.detail, error.errors, retry_after=error.retry_after
        )
        response.headers.update(error.headers)
        return response

    app.register_error_handler(HTTPException, http)
    app.register_error_handler(HTTPError, invalid)
    app.register_error_handler(RecsysError, recsys)
    app.register_error_handler(ProblemError, problem)
    app.register_error_handler(Exception, unexpected)


def _respond(
    status: int,
    name: str | None,
    detail: str,
    errors: list[FieldError] | None = None,
    retry_after: int | None = None,
) -> Response:
    body = Problem(
        type=f"urn:recsys:problem:{name}" if name else "about:blank",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=(errors or [])[:MAX_FIELD_ERRORS],
        request_id=request_id(),
    )
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Response(
        json.dumps(body.model_dump()), status=status, headers=headers, content_type=MEDIA_TYPE
    )
