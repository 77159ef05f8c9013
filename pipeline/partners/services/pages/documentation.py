"""An OpenAPI document as a page: plain HTML, no script."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

Node = Mapping[str, Any]

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: interface</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/clerk.css">
</head>
<body>
<main>
<h1>{title}: interface</h1>
<p>{description}</p>
<p><a href="/openapi.json">The same as an OpenAPI document</a> ·
<a href="/">The clerk's page</a></p>
{operations}
</main>
</body>
</html>
"""


def render(document: Node) -> str:
    """The page of an OpenAPI document."""
    operations = "\n".join(
        _operation(document, path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    info = document["info"]
    return _PAGE.format(
        title=escape(info["title"]),
        description=escape(info.get("description", "")),
        operations=operations,
    )


def _operation(document: Node, path: str, method: str, operation: Node) -> str:
    parts = [f"<h2><code>{method.upper()} {escape(path)}</code></h2>"]
    parts.append(f"<p>{escape(operation.get('description', ''))}</p>")
    fields = [*_parameters(operation), *_body(document, operation)]
    if fields:
        parts.append(_table(("Field", "Kind", "Meaning"), fields))
    answers = [
        (status, escape(answer["description"]))
        for status, answer in sorted(operation["responses"].items())
    ]
    parts.append(_table(("Answer", "Meaning"), answers))
    return f"<section>{''.join(parts)}</section>"


def _parameters(operation: Node) -> Iterator[tuple[str, str, str]]:
    for each in operation.get("parameters", ()):
        name = f"<code>{escape(each['name'])}</code> ({escape(each['in'])})"
        yield name, _kind(each["schema"]), escape(each.get("description", ""))


def _body(document: Node, operation: Node) -> Iterator[tuple[str, str, str]]:
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        schema = _resolve(document, media["schema"])
        required = schema.get("required", ())
        for name, field in schema.get("properties", {}).items():
            needed = "" if name in required else ", optional"
            meaning = escape(field.get("description", ""))
            yield f"<code>{escape(name)}</code>", _kind(field) + needed, meaning


def _resolve(document: Node, schema: Node) -> Node:
    for each in (schema, *schema.get("anyOf", ())):
        if "$ref" in each:
            name = each["$ref"].rpartition("/")[2]
            found: Node = document["components"]["schemas"][name]
            return found
    return schema


def _kind(schema: Node) -> str:
    if "enum" in schema:
        return escape(", ".join(map(str, schema["enum"])))
    if "$ref" in schema:
        return escape(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"] if each.get("type") != "null")
    words = str(schema.get("type", "any"))
    if "default" in schema:
        words += f", else {schema['default']}"
    return escape(words)


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table; the cells are HTML already."""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
