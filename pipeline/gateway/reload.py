"""The partner registry and the keys, exchanged while the gateway runs.

Both files are looked at every second, by content: a mounted file can be swapped without its
name or time telling. What lies there is taken once it has been the same twice, so that a
half-written file registers nobody away; a signal takes it at once. A wrong one changes
nothing.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from pipeline import topics
from pipeline.codec.registry import RegistryError, SchemaRegistry
from pipeline.errors import KafkaUnreachableError, RefusedError
from pipeline.gateway import metrics
from pipeline.gateway.keyfile import load_keyring
from pipeline.gateway.keyring import KeyRing
from pipeline.gateway.terms import Terms
from pipeline.partners.registry import load_registry
from pipeline.resources import partners_file
from pipeline.settings import Settings
from pipeline.streaming.topic_check import wrong_topics

log = structlog.get_logger(__name__)

_EVERY_S = 1.0
_CHECK_AGAIN_S = 5.0
"""After which a registry is tried again that was refused for its topics."""

Content = tuple[bytes | None, bytes | None]
"""The two files; None where there is none or it cannot be read."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the gateway works by: who may see what, and the keys of subjects.

    ``content`` is what lay in the files before they were read: if it was exchanged meanwhile,
    the next look shows another.
    """

    terms: Terms
    keyring: KeyRing
    content: Content


def load_rules(settings: Settings) -> Rules:
    """Read registry and keys.

    Raises:
        RefusedError: One of them is wrong; the message has a line for each problem.
    """
    content = _content(settings)
    registry = load_registry(registry_file(settings))
    return Rules(Terms.of(registry), load_keyring(settings, make=True), content)


def registry_file(settings: Settings) -> Path:
    """Where the partner registry lies."""
    return settings.partners_file or partners_file()


def wrong_schemas(registry: SchemaRegistry, partner_ids: Sequence[str]) -> list[str]:
    """A line for each partner whose records could not be written: its schema is not registered."""
    lines: list[str] = []
    for partner_id in partner_ids:
        try:
            registry.id_of(topics.partner_scores(partner_id).subject)
        except RegistryError as error:
            lines.append(f"partner {partner_id}: {error}")
    return lines


def check_schemas(registry: SchemaRegistry, partner_ids: Sequence[str]) -> None:
    """Refuse partners whose records could not be written.

    Raises:
        RefusedError: There are some; the message has a line for each.
    """
    if lines := wrong_schemas(registry, partner_ids):
        raise RefusedError("\n".join(lines))


class Reload:
    """Watches the files and hands over what is right."""

    def __init__(
        self,
        settings: Settings,
        registry: SchemaRegistry,
        rules: Rules,
        exchange: Callable[[Rules], None],
    ) -> None:
        """Set up.

        Args:
            settings: The gateway's, which name the files.
            registry: What new partners' records will be written with.
            rules: In force.
            exchange: Puts rules in force, in the event loop.
        """
        self._settings = settings
        self._registry = registry
        self._exchange = exchange
        self._asked = asyncio.Event()
        self._in_force = rules.content
        self._refused: tuple[Content, list[str]] | None = None
        metrics.REGISTRY_VALID.set(1)

    def ask(self) -> None:
        """Look at once, and take what lies there."""
        self._asked.set()

    async def run(self) -> None:
        """Look until cancelled."""
        before = self._in_force
        next_check = 0.0
        while True:
            asked = await self._wait()
            content = await asyncio.to_thread(_content, self._settings)
            settled, before = content == before, content
            now = asyncio.get_running_loop().time()
            if asked:
                await self._take(content)
            elif not settled:
                next_check = 0.0
            elif content != self._in_force and now >= next_check:
                await self._take(content)
                next_check = now + _CHECK_AGAIN_S
            elif content == self._in_force and self._refused is not None:
                self._is_in_force(content)

    async def _wait(self) -> bool:
        """Wait for the next look; whether it was asked for."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._asked.wait(), _EVERY_S)
        asked = self._asked.is_set()
        self._asked.clear()
        return asked

    async def _take(self, content: Content) -> None:
        """Put the files' rules in force, or tell what keeps them from it."""
        try:
            rules = await asyncio.to_thread(load_rules, self._settings)
            problems = await asyncio.to_thread(self._problems, rules)
        except RefusedError as error:
            problems = str(error).splitlines()
        except KafkaUnreachableError as error:
            problems = [f"the topics of partners cannot be checked: {error}"]
        if problems:
            self._refuse(content, problems)
            return
        self._exchange(rules)
        metrics.REGISTRY_LOADS.labels("applied").inc()
        log.info("registry and keys exchanged", partners=rules.terms.partner_ids)
        self._is_in_force(rules.content)

    def _problems(self, rules: Rules) -> list[str]:
        partner_ids = rules.terms.partner_ids
        wanted = list(topics.for_partners(partner_ids))
        return [
            *wrong_topics(self._settings, wanted),
            *wrong_schemas(self._registry, partner_ids),
        ]

    def _refuse(self, content: Content, problems: list[str]) -> None:
        if self._refused == (content, problems):
            return
        self._refused = (content, problems)
        metrics.REGISTRY_VALID.set(0)
        metrics.REGISTRY_LOADS.labels("refused").inc()
        for problem in problems:
            log.error("registry and keys refused: the former stay in force", problem=problem)

    def _is_in_force(self, content: Content) -> None:
        self._in_force, self._refused = content, None
        metrics.REGISTRY_VALID.set(1)


def _content(settings: Settings) -> Content:
    return _bytes_of(registry_file(settings)), _bytes_of(settings.pseudonym_key_file)


def _bytes_of(path: Path | None) -> bytes | None:
    if path is None:
        return None
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return None
