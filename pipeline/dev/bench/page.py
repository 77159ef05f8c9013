"""The figures of docs/performance.md, from the raw results beside it.

`python -m pipeline.dev.bench.page` writes them between their markers; a test fails on drift.
"""

import json
import re
from pathlib import Path
from typing import Any

from pipeline.dev.bench import (
    latency_page,
    partners_page,
    recovery_page,
    scale_page,
    sizing_page,
    throughput_page,
)

PEERS, LATENCY, SCALE = "peers.json", "latency.json", "scale.json"
RECOVERY, PARTNERS = "recovery.json", "partners.json"
RECOVERY_CHECKPOINTS, RECOVERY_ROCKSDB = "recovery-checkpoints.json", "recovery-rocksdb.json"
"""The names of raw results."""
_DOCS = Path(__file__).parents[3] / "docs"
_MARKED = re.compile(r"(<!-- figures -->\n).*?(<!-- end of figures -->)", re.DOTALL)
_NONE = "No run is recorded in `docs/performance/` yet.\n"


def save(result: dict[str, Any], name: str, folder: Path) -> None:
    """Keep a raw result."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(result, indent=2) + "\n")


def refreshed(text: str, folder: Path) -> str:
    """The page with the figures of the raw results in ``folder``."""
    return _MARKED.sub(lambda found: found[1] + figures(folder) + found[2], text)


def figures(folder: Path) -> str:
    """What the raw results say; results that are not there are left out."""
    results = {
        name: json.loads((folder / name).read_text())
        for name in _FIGURES
        if (folder / name).is_file()
    }
    parts = [
        "\n".join([_FIGURES[name](result), _machine(result["machine"]), ""])
        for name, result in results.items()
    ]
    return "\n".join(parts) or _NONE


def _machine(machine: dict[str, Any]) -> str:
    java = f", {machine['java']}" if machine["java"] else ""
    commit = f", commit {machine['commit']}" if machine.get("commit") else ""
    return (
        f"Measured {machine['measured_at'][:10]} on {machine['cores']} cores of "
        f"{machine['processor']} with {machine['memory_gib']} GiB, Python {machine['python']}, "
        f"Kafka {machine['kafka']}{java}{commit}; load average "
        f"{machine['load_1m_at_start']:.1f} when it began."
    )


_FIGURES = {
    PEERS: throughput_page.peers,
    LATENCY: latency_page.figures,
    SCALE: scale_page.figures,
    RECOVERY: recovery_page.figures,
    RECOVERY_CHECKPOINTS: recovery_page.figures,
    RECOVERY_ROCKSDB: recovery_page.figures,
    PARTNERS: partners_page.figures,
}
_PLOTTED = {
    PEERS: throughput_page.plots,
    LATENCY: latency_page.plots,
    SCALE: scale_page.plots,
}
"""SVG files by name, of a raw result."""


def plots(folder: Path) -> dict[str, str]:
    """The plots of the raw results in ``folder``, by file name."""
    return {
        file: svg
        for name, draw in _PLOTTED.items()
        if (folder / name).is_file()
        for file, svg in draw(json.loads((folder / name).read_text())).items()
    }


def sizing(folder: Path) -> str:
    """The page that says how much so many people need."""
    scale, latency = (
        json.loads((folder / name).read_text()) if (folder / name).is_file() else None
        for name in (SCALE, LATENCY)
    )
    return sizing_page.page(scale, latency)


def main() -> None:
    """Bring the pages and the plots up to date."""
    page, folder = _DOCS / "performance.md", _DOCS / "performance"
    for file, svg in plots(folder).items():
        (folder / file).write_text(svg)
    page.write_text(refreshed(page.read_text(), folder))
    (_DOCS / "sizing.md").write_text(sizing(folder))


if __name__ == "__main__":
    main()
