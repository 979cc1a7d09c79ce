"""The cases of typed data: what is written and read in every language, with which schemas (`kestrel-serde/testdata/typed/`).

The values are JSON lines: for Avro in its own JSON encoding, for Protobuf in its JSON mapping. `cases.json` there says which
schema each case has. A form is where the schema is named: by its id before the bytes, by its GUID there, or by its GUID in a header.
"""

import json
from dataclasses import dataclass

from ring import tools

FOLDER = tools.TYPED
FORMS = ("id", "guid", "header")


@dataclass(frozen=True)
class Case:
    """One schema, what it refers to (subjects and texts), and the values that are written with it."""

    name: str
    type: str
    text: str
    record: str
    references: dict

    def lines(self):
        return (FOLDER / f"{self.name}.jsonl").read_text(encoding="utf-8").splitlines()


def _case(name, type, schema, record, references):
    texts = {subject: (FOLDER / file).read_text(encoding="utf-8") for subject, file in references.items()}
    return Case(name, type, (FOLDER / schema).read_text(encoding="utf-8"), record, texts)


CASES = {name: _case(name, row["type"], row["schema"], row["name"], row["references"])
         for name, row in json.loads((FOLDER / "cases.json").read_text(encoding="utf-8")).items()}


def topic(prefix, writer, case, form):
    """Where a writer's values of a case are, in a form."""
    return f"{prefix}-{writer}-{case}-{form}"
