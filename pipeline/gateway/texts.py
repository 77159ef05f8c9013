"""Texts of which there are few (models, reason codes) as numbers, for as long as we run."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from pipeline.factors.columns import Int32, UInt64


class Texts:
    """Each text once; code 0 is no text."""

    def __init__(self) -> None:
        """Start empty."""
        self._code_of: dict[str, int] = {"": 0}
        self._texts = [""]
        self._hashes: UInt64 = np.zeros(1, np.uint64)

    def codes(self, texts: Iterable[str]) -> Int32:
        """The codes of texts, new ones where they are new."""
        return np.array([self._code(text) for text in texts], np.int32)

    def texts(self, codes: NDArray[np.integer]) -> list[str]:
        """The texts of codes."""
        return [self._texts[code] for code in codes.tolist()]

    @property
    def all(self) -> Sequence[str]:
        """Every text, by its code."""
        return self._texts

    def hashes(self, codes: NDArray[np.integer]) -> UInt64:
        """A hash of each text that does not depend on its code; 0 for none."""
        if len(self._hashes) < len(self._texts):
            digests = [xxh3_64_intdigest(text.encode()) for text in self._texts[1:]]
            self._hashes = np.array([0, *digests], np.uint64)
        hashes: UInt64 = self._hashes[codes]
        return hashes

    def _code(self, text: str) -> int:
        code = self._code_of.get(text)
        if code is None:
            code = self._code_of[text] = len(self._texts)
            self._texts.append(text)
        return code
