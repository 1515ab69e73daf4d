"""What a view asks of the body of its request before it is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import request

from api.problems import ProblemError

P = ParamSpec("P")
R = TypeVar("R")


def json_only(view: Callable[P, R]) -> Callable[P, R]:
    """Refuse a body that is not declared as JSON, or is `null`; goes right below the route.

    A page of another site can send a form or plain text without asking, but not JSON. And apiflask
    reads `null` as an object without fields, which for a profile or a track means "forget all".

    Raises
    ------
    ProblemError
        415 for another type, 422 for `null`.
    """

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if not request.is_json:
            raise ProblemError(
                415,
                "media-type",
                f"expected Content-Type application/json, received {request.mimetype or 'none'}",
            )
        if request.get_json() is None:
            raise ProblemError(422, "validation", "expected a JSON object, received null")
        return view(*args, **kwargs)

    return checked
