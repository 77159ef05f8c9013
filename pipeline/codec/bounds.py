"""Schemas whose records could be endless: the reader of single records must not meet them.

fastavro follows a recursive record until the C stack is gone, which ends the process, an array
of items without bytes to any length a few bytes claim, and records of parts without bytes to
any number of them. None of it has a use here.
"""

from typing import Any

DEPTH_MAX = 16
"""Levels of a record within the other. Each costs a few hundred bytes for a value's one."""
_JSON_DEPTH_MAX = 4 * DEPTH_MAX

Heights = dict[str, int]
"""Levels below each named type, by its name without the namespace."""


class UnboundedError(ValueError):
    """A few bytes may stand for a record of any size."""


def refuse_unbounded(avro: dict[str, Any]) -> None:
    """Raise if a value's size does not bound its record's.

    Raises:
        UnboundedError: The schema is recursive, too deep, or has parts that take no bytes.
    """
    _walk(avro, frozenset(), {}, 0)


def _walk(node: Any, enclosing: frozenset[str], heights: Heights, depth: int) -> int:
    """The levels of a node."""
    if depth > _JSON_DEPTH_MAX:
        raise UnboundedError(f"is nested deeper than {DEPTH_MAX} levels")
    if isinstance(node, str):
        name = node.rpartition(".")[2]
        if name in enclosing:
            raise UnboundedError(f"is recursive: {node} within itself")
        return heights.get(name, 0)
    if isinstance(node, list):
        return max((_walk(branch, enclosing, heights, depth + 1) for branch in node), default=0)
    if node["type"] == "record":
        enclosing |= {node["name"].rpartition(".")[2]}
    _refuse_weightless(node, nested=depth > 0)
    below = [_walk(child, enclosing, heights, depth + 1) for child in _children(node)]
    height = max(below, default=0) + 1
    if height > DEPTH_MAX:
        raise UnboundedError(f"is nested deeper than {DEPTH_MAX} levels")
    if "name" in node:
        name = node["name"].rpartition(".")[2]
        heights[name] = max(height, heights.get(name, 0))
    return height


def _refuse_weightless(node: dict[str, Any], *, nested: bool) -> None:
    """Raise if a part takes no bytes; null is one only where it stands alone."""
    match node["type"]:
        case "array":
            if _is_null(node["items"]):
                raise UnboundedError("has an array of items that take no bytes")
        case "record":
            if (nested and not node["fields"]) or any(_is_null(f["type"]) for f in node["fields"]):
                raise UnboundedError("has parts that take no bytes")
        case "fixed":
            if node["size"] <= 0:
                raise UnboundedError("has parts that take no bytes")


def _is_null(node: Any) -> bool:
    return node == "null" or (isinstance(node, dict) and _is_null(node["type"]))


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
