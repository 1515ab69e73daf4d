from __future__ import annotations

from api.document import plain_names


def document(**schemas):
    listed = {"$ref": "#/components/schemas/First.Item"}
    paths = {"/x": {"get": {"responses": {"200": {"content": {"application/json": listed}}}}}}
    return {"paths": paths, "components": {"schemas": schemas}}


def of(name):
    return {"type": "object", "properties": {"of": {"$ref": f"#/components/schemas/{name}"}}}


LEAF, OTHER_LEAF = {"type": "string"}, {"type": "integer"}


def test_equal_schemas_become_one_under_their_own_name():
    found = plain_names(
        document(**{"First.Item": of("First.Leaf"), "First.Leaf": LEAF, "Leaf": LEAF})
        | {"info": {"title": "First.Item"}}
    )
    assert found["components"]["schemas"] == {"Item": of("Leaf"), "Leaf": LEAF}
    answer = found["paths"]["/x"]["get"]["responses"]["200"]["content"]["application/json"]
    assert answer == {"$ref": "#/components/schemas/Item"}
    assert found["info"] == {"title": "First.Item"}


def test_schemas_of_one_name_that_differ_keep_theirs():
    found = plain_names(document(**{"First.Item": LEAF, "Second.Item": OTHER_LEAF}))
    assert found["components"]["schemas"] == {"Item": LEAF, "Second.Item": OTHER_LEAF}
