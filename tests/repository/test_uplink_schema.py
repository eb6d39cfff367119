"""docs/schema is what msgspec makes of the wire structs. `python tests/repository/test_uplink_schema.py`
writes it anew.
"""

from pathlib import Path

import msgspec
import pytest

from protocols.core_signature import NamedHead
from protocols.uplink import Answer, Batch

SCHEMAS = {"batch": Batch, "answer": Answer, "head": NamedHead}


def spelled(kind: type) -> str:
    schema = msgspec.json.encode(msgspec.json.schema(kind), order="sorted")
    return msgspec.json.format(schema, indent=1).decode() + "\n"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_documented_schema_is_the_one_that_is_spoken(name: str) -> None:
    page = Path(__file__).parents[2] / "docs" / "schema" / f"{name}.json"
    assert page.read_text(encoding="utf-8") == spelled(SCHEMAS[name])


if __name__ == "__main__":
    for schema_name, struct in SCHEMAS.items():
        Path("docs/schema", f"{schema_name}.json").write_text(spelled(struct), encoding="utf-8")
