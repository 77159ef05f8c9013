"""Schemas whose records could be endless: the reader of single records must not meet them.

fastavro follows a recursive record until the C stack is gone, which ends the process, and
an array of items without bytes to any length a few bytes claim. Neither has a use here.
"""

from typing import Any

Named = dict[str, Any]


class UnboundedError(ValueError):
    """A few bytes may stand for a record of any size."""


def refuse_unbounded(avro: dict[str, Any]) -> None:
    """Raise if a value's size does not bound its record's.

    Raises:
        UnboundedError: The schema is recursive or has an array of items without bytes.
    """
    _walk(avro, frozenset(), {})


def _walk(node: Any, enclosing: frozenset[str], named: Named) -> None:
    if isinstance(node, str):
        if node.rpartition(".")[2] in enclosing:
            raise UnboundedError(f"is recursive: {node} within itself")
        return
    if isinstance(node, list):
        for branch in node:
            _walk(branch, enclosing, named)
        return
    if node["type"] == "record":
        name = node["name"].rpartition(".")[2]
        named[name] = node
        enclosing |= {name}
    for child in _children(node):
        _walk(child, enclosing, named)
    if node["type"] == "array" and _weightless(node["items"], named):
        raise UnboundedError("has an array of items that take no bytes")


def _children(node: dict[str, Any]) -> list[Any]:
    match node["type"]:
        case "record":
            return [field["type"] for field in node["fields"]]
        case "array":
            return [node["items"]]
        case "map":
            return [node["values"]]
        case str():
            return []
        case nested:
            return [nested]


def _weightless(node: Any, named: Named) -> bool:
    if isinstance(node, str):
        known = named.get(node.rpartition(".")[2])
        return node == "null" if known is None else _weightless(known, named)
    if isinstance(node, list):
        return False  # the branch takes a byte
    if node["type"] == "record":
        return all(_weightless(field["type"], named) for field in node["fields"])
    if node["type"] == "fixed":
        return bool(node["size"] == 0)
    return bool(node["type"] == "null")
