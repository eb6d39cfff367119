"""A plain page of the API, made from its OpenAPI description: no script, nothing from elsewhere."""

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hr_core.web.rendering import Renderer


def docs_page(request: Request) -> Response:
    schema = request.app.openapi()
    operations = [
        _operation(path, method, one)
        for path, methods in schema["paths"].items()
        for method, one in methods.items()
    ]
    shapes = {
        name: {"told": shape.get("description", ""), "fields": _fields(shape)}
        for name, shape in schema["components"]["schemas"].items()
    }
    context = {"info": schema["info"], "operations": operations, "shapes": shapes}
    answer: HTMLResponse = Renderer().page("api.html", context)
    return answer


def _operation(path: str, method: str, one: dict[str, Any]) -> dict[str, Any]:
    scopes = [scope for way in one.get("security", []) for scope in way.get("token", [])]
    done = next(one["responses"][status] for status in ("200", "201") if status in one["responses"])
    answer = _named(done)
    taken = _named(one["requestBody"]) if "requestBody" in one else ""
    return {
        "path": f"/api/v1{path}",
        "method": method.upper(),
        "told": one.get("description", ""),
        "scope": ", ".join(scopes),
        "parameters": [
            {
                "name": parameter["name"],
                "place": parameter["in"],
                "required": parameter.get("required", False),
                "told": parameter.get("description", ""),
                "kind": _kind(parameter["schema"]),
            }
            for parameter in one.get("parameters", [])
        ],
        "answer": answer,
        "taken": taken,
    }


def _named(content: dict[str, Any]) -> str:
    """The schema of a body."""
    return str(content["content"]["application/json"]["schema"]["$ref"]).rpartition("/")[2]


def _fields(shape: dict[str, Any]) -> dict[str, str]:
    return {name: _kind(field) for name, field in shape.get("properties", {}).items()}


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        items = schema.get("items")
        return f"list of {_kind(items)}" if isinstance(items, dict) else "list"
    return str(schema.get("format") or schema.get("type") or "value")
