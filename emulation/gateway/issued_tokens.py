"""Which resource an opaque token stands for. AWS reads it in the token; the gateway remembers it.

For example, Kinesis authorizes GetRecords on the stream of the shard iterator, and Athena
GetQueryExecution on the workgroup of the query. Neither request names that resource.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from threading import Lock

from emulation.gateway.api_call import ApiCall

# The field of the answer that has a token, or a list of tokens, for the resource of the request.
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
# Iterators expire after five minutes. A local run never gets so many in that time.
_REMEMBERED = 50_000


class IssuedTokens:
    """The tokens in answers that came through this gateway; thread-safe."""

    def __init__(self) -> None:
        self._resources: dict[tuple[str, str], str] = {}
        self._lock = Lock()

    def resource_of(self, service: str, token: str) -> str | None:
        """Return the ARN that a token stands for, or None if the token is not known."""
        return self._resources.get((service, token))

    def remember(self, call: ApiCall, resource: str, answer: bytes) -> None:
        """Keep the tokens in the answer (a JSON body) to a call on ``resource``."""
        # Answers have megabytes of records, so this searches and does not parse. It cannot match
        # in a record: quotes in JSON strings are escaped, and DynamoDB's values are objects.
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
