"""Which resource an opaque token stands for: AWS knows from the token, the gateway remembers.

Kinesis judges GetRecords by the stream of the shard iterator, Athena GetQueryExecution by the
workgroup of the query; neither request names it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from threading import Lock

from emulation.gateway.api_call import ApiCall

# The field of the answer that stands for the resource of the request: a token, or a list of them.
ISSUING: Mapping[tuple[str, str], str] = {
    ("kinesis", "GetShardIterator"): "ShardIterator",
    ("kinesis", "GetRecords"): "NextShardIterator",
    ("kinesis", "ListShards"): "NextToken",
    ("dynamodbstreams", "GetShardIterator"): "ShardIterator",
    ("dynamodbstreams", "GetRecords"): "NextShardIterator",
    ("athena", "StartQueryExecution"): "QueryExecutionId",
    ("athena", "CreateNamedQuery"): "NamedQueryId",
    ("athena", "ListNamedQueries"): "NamedQueryIds",
}
# Iterators live five minutes: this is many times what can be asked for in that time here.
_REMEMBERED = 50_000


class IssuedTokens:
    """The tokens that answers through this gateway gave out; safe to use from any thread."""

    def __init__(self) -> None:
        self._resources: dict[tuple[str, str], str] = {}
        self._lock = Lock()

    def resource_of(self, service: str, token: str) -> str | None:
        """Return the ARN that a token stands for, or None for one that is not known."""
        return self._resources.get((service, token))

    def remember(self, call: ApiCall, resource: str, answer: bytes) -> None:
        """Keep the tokens in the answer (a JSON body) to a call that was made on ``resource``."""
        # A search rather than a parse: answers hold megabytes of records. It cannot hit a record:
        # quotes inside JSON strings are escaped, and DynamoDB's values are objects, not strings.
        field = ISSUING[call.service, call.operation]
        found = re.search(rb'"%s"\s*:\s*("(?:[^"\\]|\\.)+"|\[[^\]]*\])' % field.encode(), answer)
        if found is None:
            return
        told = json.loads(found[1])
        with self._lock:
            for token in told if isinstance(told, list) else [told]:
                self._resources[call.service, token] = resource
            while len(self._resources) > _REMEMBERED:
                del self._resources[next(iter(self._resources))]
