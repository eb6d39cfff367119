"""The JSON Schema of a site file: our tables, and one form of [[device]] for each kind."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from drivers.catalog import known_kinds, load_driver
from edge_agent.config.exports import EXPORT_KINDS
from edge_agent.config.models import GatewaySection, SiteSection, UplinkSection


def json_schema() -> dict[str, Any]:
    kinds = {kind: load_driver(kind).manifest.config for kind in known_kinds()}
    sections: dict[str, type[BaseModel]] = {
        "site": SiteSection,
        "gateway": GatewaySection,
        "uplink": UplinkSection,
    }
    models = (*sections.values(), *kinds.values(), *EXPORT_KINDS.values())
    references, definitions = models_json_schema([(model, "validation") for model in models])
    devices = []
    for kind, model in kinds.items():
        name = references[model, "validation"]["$ref"].rpartition("/")[2]
        # Not drivers.contract: the site file alone knows the zone, and which kind this form is of.
        form = definitions["$defs"][name]
        form["properties"] |= {"kind": {"const": kind}, "zone": {"type": "string"}}
        devices.append({"$ref": f"#/$defs/{name}"})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Clockline site file",
        "type": "object",
        "additionalProperties": False,
        "required": ["site", "gateway"],
        "properties": {
            **{key: references[model, "validation"] for key, model in sections.items()},
            "device": {"type": "array", "items": {"oneOf": devices}},
            "export": {
                "type": "array",
                "items": {
                    "oneOf": [references[model, "validation"] for model in EXPORT_KINDS.values()]
                },
            },
        },
        "$defs": definitions["$defs"],
    }
