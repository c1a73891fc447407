"""The sessions of roles, by their access keys."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from xml.etree import ElementTree

from emulation.iam.policy import Policy
from emulation.iam.trust import Principal

# The access key IDs of temporary credentials begin with this, those of users do not.
TEMPORARY_KEY_PREFIX = "ASIA"


@dataclass(frozen=True)
class Session:
    """A role's session, as AssumeRole returned it.

    Parameters
    ----------
    role_arn, session_arn
        ``arn:aws:iam::…:role/R`` and ``arn:aws:sts::…:assumed-role/R/S``.
    user_id
        ``AROA…:S``.
    policies
        The session policies passed to AssumeRole, if any were.
    """

    role_arn: str
    session_arn: str
    user_id: str
    policies: tuple[Policy, ...] = ()

    @property
    def role_name(self) -> str:
        """The role's name, without its path."""
        return self.role_arn.rpartition("/")[2]

    @property
    def account(self) -> str:
        """The account that the role is in."""
        return account_of(self.role_arn)

    @property
    def principal(self) -> Principal:
        """The session as a principal for trust policies."""
        return Principal("AWS", frozenset({self.role_arn, self.session_arn}), self.account)


class Sessions:
    """All sessions issued through the gateway, by access key ID; thread-safe."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._lock = Lock()

    def add(self, access_key_id: str, session: Session) -> None:
        """Keep a session."""
        with self._lock:
            self._sessions[access_key_id] = session

    def get(self, access_key_id: str) -> Session | None:
        """Return the session of a key, or None if the key was not issued here."""
        return self._sessions.get(access_key_id)

    def add_answer(
        self, answer: bytes, role_arn: str, policies: tuple[Policy, ...]
    ) -> Session | None:
        """Keep the session in STS's XML answer to AssumeRole, if it has one."""
        try:
            root = ElementTree.fromstring(answer)  # noqa: S314  (the endpoint is the operator's)
        except ElementTree.ParseError:
            return None
        texts = {
            name: root.findtext(f".//{{*}}{name}")
            for name in ("AccessKeyId", "Arn", "AssumedRoleId")
        }
        key, arn, user_id = texts["AccessKeyId"], texts["Arn"], texts["AssumedRoleId"]
        if not key or not arn or not user_id:
            return None
        session = Session(role_arn, arn, user_id, policies)
        self.add(key, session)
        return session


def account_of(arn: str) -> str:
    """Return the account in an ARN; empty if it has none (S3)."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == len(("arn", "aws", "service", "region", "1", "name")) else ""
