"""Reads the rows and checks that every column is there: a missing one is an error unless it says none("why")."""

from __future__ import annotations

import dataclasses
import pathlib
import re
import tomllib

from . import schema as schema_mod
from .schema import Schema

KINDS = ("pointwise", "view", "reduction", "native", "composite")
COLUMNS = {
    "schema",
    "variants",
    "kind",
    "dtype",
    "shape",
    "infer",
    "compute",
    "lower",
    "decompose",
    "vjp",
    "saves",
    "diff",
    "batch",
    "complex",
    "samples",
    "ref",
    "doc",
    "example",
    "flags",
    "tensors",
    "tol",
    "aliases",
}
FLAGS = {
    "random": "kRandom",
    "dynamic_shape": "kDynamicShape",
    "data_access": "kDataAccess",
    "nn": "kNnFunction",
    "special": "kSpecial",
    "alias_out": "kAliasOut",
    "takes_complex": "kTakesComplex",
}
REDUCE_OPS = {
    "sum": "Sum",
    "prod": "Prod",
    "max": "Max",
    "min": "Min",
    "argmax": "ArgMax",
    "argmin": "ArgMin",
    "any": "Any",
    "all": "All",
}


class RowError(ValueError):
    pass


@dataclasses.dataclass
class Row:
    key: str
    schema: Schema
    kind: str
    cols: dict
    file: str

    @property
    def variants(self) -> set[str]:
        return set(self.cols.get("variants", "function").replace(",", " ").split())

    @property
    def flags(self) -> list[str]:
        return self.cols.get("flags", [])

    def col(self, name: str):
        return self.cols.get(name)


def none_reason(value) -> str | None:
    if isinstance(value, str):
        m = re.match(r'^none\("(.*)"\)$', value.strip(), re.S)
        if m:
            return m.group(1)
    return None


def check(row: Row) -> None:
    bad = set(row.cols) - COLUMNS
    if bad:
        raise RowError(f"{row.file}: {row.key}: unknown columns {sorted(bad)}")
    for need in ("schema", "kind", "vjp", "batch", "samples", "doc"):
        if need not in row.cols:
            raise RowError(f'{row.file}: {row.key}: column {need!r} is missing (write none("why") if there is none)')
    if row.kind not in KINDS:
        raise RowError(f"{row.file}: {row.key}: kind {row.kind!r} is none of {KINDS}")
    if row.kind == "composite":
        if "decompose" not in row.cols:
            raise RowError(f"{row.file}: {row.key}: a composite needs `decompose`")
    elif row.kind != "view" and "lower" not in row.cols:
        raise RowError(f"{row.file}: {row.key}: column 'lower' is missing")
    if "infer" not in row.cols and not {"dtype", "shape"} <= set(row.cols) and row.kind != "composite":
        raise RowError(f"{row.file}: {row.key}: needs `infer`, or `dtype` and `shape`")
    for f in row.flags:
        if f not in FLAGS:
            raise RowError(f"{row.file}: {row.key}: unknown flag {f!r}")


def load(folder: pathlib.Path) -> list[Row]:
    rows: dict[str, Row] = {}
    for path in sorted(folder.glob("*.toml")):
        with open(path, "rb") as f:
            data = tomllib.load(f)
        for key, cols in data.items():
            if key in rows:
                raise RowError(f"{path.name}: {key} stands in {rows[key].file} too")
            try:
                schema = schema_mod.parse(cols["schema"])
            except (KeyError, schema_mod.SchemaError) as e:
                raise RowError(f"{path.name}: {key}: {e}") from e
            if schema.full_name != key:
                raise RowError(f"{path.name}: row {key!r} has schema of {schema.full_name!r}")
            for a in schema.args:
                a.no_number = a.name in cols.get("tensors", [])
            row = Row(key, schema, cols.get("kind", ""), cols, path.name)
            check(row)
            rows[key] = row
    return list(rows.values())
