"""A Flask application that computes nothing: what HTTP alone costs here."""

from __future__ import annotations

from flask import Flask


def create_app() -> Flask:
    """Application with one route that returns a constant."""
    app = Flask(__name__)

    @app.get("/")
    def constant() -> str:
        return "{}"

    return app
