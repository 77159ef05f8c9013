"""Which topics of the registered partners there are, looked at while the gateway runs.

A topic that is deleted and made anew has the same name, other records and another id.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

import kafka
import structlog
from kafka.errors import KafkaError

from pipeline import provision, topics
from pipeline.errors import SesameError
from pipeline.gateway import metrics
from pipeline.settings import Settings

log = structlog.get_logger(__name__)

_EVERY_S = 2.0


class PartnerTopics:
    """The ids of partners' topics as the broker tells them."""

    def __init__(self, settings: Settings, partner_ids: Callable[[], Sequence[str]]) -> None:
        """Set up; ``run`` looks.

        Args:
            settings: Name the broker and the prefix.
            partner_ids: The registered partners, asked at each look.
        """
        self._settings = settings
        self._partner_ids = partner_ids
        self._ids: Mapping[str, str] = {}
        self._missing: set[str] = set()
        self._gone: set[str] = set()
        self._looked = asyncio.Event()
        self._client = contextlib.ExitStack()
        self._connected: kafka.KafkaAdminClient | None = None

    @property
    def ids(self) -> Mapping[str, str]:
        """The id of each topic that is there, by name without prefix; another object if changed."""
        return self._ids

    async def looked(self) -> None:
        """Wait until they have been looked at."""
        await self._looked.wait()

    async def run(self, on_change: Callable[[], None]) -> None:
        """Look until cancelled; ``on_change`` is called after ids have changed."""
        try:
            while True:
                if await self._look():
                    on_change()
                await asyncio.sleep(_EVERY_S)
        finally:
            self._client.close()

    async def _look(self) -> bool:
        names = [topic.name for topic in topics.for_partners(list(self._partner_ids()))]
        try:
            found = await asyncio.to_thread(self._found, names)
        except (SesameError, KafkaError, OSError) as error:
            log.warning("partners' topics cannot be looked at", error=repr(error))
            self._connected = None
            self._client.close()
            return False
        former, self._ids = self._ids, self._believed(names, found)
        self._looked.set()
        return former != self._ids

    def _found(self, names: Sequence[str]) -> dict[str, str]:
        if self._connected is None:
            self._connected = self._client.enter_context(provision.admin(self._settings))
        prefixed = {self._settings.topic(name): name for name in names}
        described = self._connected.describe_topics(list(prefixed)) if names else []
        return {
            prefixed[topic["name"]]: str(topic["topic_id"])
            for topic in described
            if not topic["error_code"]
        }

    def _believed(self, names: Sequence[str], found: Mapping[str, str]) -> Mapping[str, str]:
        """What is found; what is missing is believed to be so at the second look."""
        missing = set(names) - found.keys()
        doubtful = missing - self._missing if self._looked.is_set() else set()
        ids = {**{name: self._ids[name] for name in doubtful & self._ids.keys()}, **found}
        self._missing = missing
        self._tell(set(names) - ids.keys())
        return self._ids if ids == self._ids else ids

    def _tell(self, gone: set[str]) -> None:
        """Say once what is missing, and once that it is there again."""
        for name in sorted(gone - self._gone):
            log.error("partner's topic is missing", topic=self._settings.topic(name))
        for name in sorted(self._gone - gone):
            log.info("partner's topic is no longer missing", topic=self._settings.topic(name))
        self._gone = gone
        metrics.TOPICS_MISSING.set(len(gone))
