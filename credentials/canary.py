"""The host that a person chose to prove credentials at. Pure.

One host that lies can freeze an unproven account: a refusal of a login carries no signature that could be verified, so
it can only be believed as said. Whoever knows which computer is surely the unit's own has the account proven there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Canary:
    """``waiting``: ids of credentials that are tried nowhere before; ``undecided``: ids that it did not prove."""

    address: str
    waiting: frozenset[str] = frozenset()
    undecided: frozenset[str] = frozenset()

    def bars(self, credential_id: str, host: str) -> bool:
        """Whether that credential has to wait for the canary at this host."""
        return credential_id in self.waiting and host != self.address

    def settled(self, credential_id: str, *, proven: bool) -> Canary:
        """A login ended there. Once one is proven, the canary has been read: the others follow the common rule."""
        if proven:
            return replace(self, waiting=frozenset())
        alone = self.waiting & {credential_id}
        return replace(self, waiting=self.waiting - alone, undecided=self.undecided | alone)

    def gone(self) -> Canary:
        """No login there is to come any more."""
        return replace(self, waiting=frozenset(), undecided=self.undecided | self.waiting)

    def without(self, credential_id: str) -> Canary:
        """That credential was entered again and follows the common rule from here on."""
        alone = {credential_id}
        return replace(self, waiting=self.waiting - alone, undecided=self.undecided - alone)
