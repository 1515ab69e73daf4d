"""What goes in and out over HTTP; the OpenAPI document is generated from these models."""
