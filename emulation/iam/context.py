"""The condition keys of a request, and the list of the keys that the gateway knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emulation.iam.errors import UnknownConditionKey

# If a request does not have a key of this list, it does not have it on AWS either. Any other key
# may be present on AWS, so a policy that uses it cannot be evaluated here.
KNOWN_KEYS = frozenset(
    {
        "aws:calledvia",
        "aws:calledviafirst",
        "aws:calledvialast",
        "aws:currenttime",
        "aws:epochtime",
        "aws:multifactorauthage",
        "aws:multifactorauthpresent",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalisawsservice",
        "aws:principalservicename",
        "aws:principaltype",
        "aws:requestedregion",
        "aws:resourceaccount",
        "aws:securetransport",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:useragent",
        "aws:userid",
        "aws:username",
        "aws:viaawsservice",
        "aws:vpcsourceip",
        "cloudwatch:namespace",
        "iam:passedtoservice",
        "iam:permissionsboundary",
        "iam:policyarn",
        "kms:calleraccount",
        "kms:viaservice",
        "s3:delimiter",
        "s3:if-match",
        "s3:if-none-match",
        "s3:max-keys",
        "s3:objectcreationoperation",
        "s3:prefix",
        "s3:resourceaccount",
        "s3:versionid",
        "s3:x-amz-acl",
        "s3:x-amz-copy-source",
        "s3:x-amz-server-side-encryption",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
        "s3:x-amz-storage-class",
        "sts:externalid",
        "sts:rolesessionname",
    }
)
_KNOWN_PREFIXES = ("kms:encryptioncontext:",)


class Context:
    """Condition keys and their values; keys are case-insensitive, as IAM's are.

    Parameters
    ----------
    keys
        The value of each key, or its values if the key can have several.
    """

    def __init__(self, keys: Mapping[str, str | Sequence[str]] | None = None) -> None:
        self._values: dict[str, tuple[str, ...]] = {
            key.lower(): (value,) if isinstance(value, str) else tuple(value)
            for key, value in (keys or {}).items()
        }

    def values(self, key: str) -> tuple[str, ...] | None:
        """Return the values of ``key``, or None if the request does not have it.

        Raises
        ------
        UnknownConditionKey
            The gateway does not know whether AWS would supply the key.
        """
        name = key.lower()
        found = self._values.get(name)
        if found is None and name not in KNOWN_KEYS and not name.startswith(_KNOWN_PREFIXES):
            raise UnknownConditionKey(
                f"condition key {key}: the gateway does not know its value; "
                "supply it in emulation/gateway/authorizer.py and add it to KNOWN_KEYS in "
                "emulation/iam/context.py, or leave it out of the policy"
            )
        return found
