"""Write jars.lock from pom.xml with Maven: `python deploy/broker/lock.py`."""  # noqa: INP001

import hashlib
import re
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
HEAD = """\
# Apache Kafka 4.1.1 and all it needs at run time: Maven coordinates and the jar's SHA-256.
# Flat, so that starting a broker resolves nothing. Written by lock.py from pom.xml.
"""


def main() -> None:
    """Resolve the pom, copy its jars and write their coordinates and hashes."""
    with tempfile.TemporaryDirectory() as scratch:
        listing = Path(scratch) / "list.txt"
        plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
        subprocess.run(  # noqa: S603 - a fixed command
            [
                *("mvn", "--batch-mode", "--quiet", "--file", str(HERE / "pom.xml")),
                *(f"{plugin}:list", f"{plugin}:copy-dependencies"),
                *(f"-DoutputFile={listing}", f"-DoutputDirectory={scratch}"),
                "-DincludeScope=runtime",
            ],
            check=True,
        )
        line = re.compile(r"^\s+([\w.\-]+):([\w.\-]+):jar:([\w.\-]+):\w+", re.MULTILINE)
        found = line.findall(listing.read_text())
        lines = [
            f"{group}:{name}:{version} "
            + hashlib.sha256((Path(scratch) / f"{name}-{version}.jar").read_bytes()).hexdigest()
            for group, name, version in sorted(found)
        ]
    (HERE / "jars.lock").write_text(HEAD + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
