"""The writer's environment variables, for tests without a stack. It imports nothing."""

from __future__ import annotations

from typing import Final

WRITER_ENVIRONMENT: Final = {
    "BUCKET": "b",
    "DATA_PREFIX": "data-pipeline",
    "LANES": "2",
    "MAX_PLAN_OBJECTS": "1000",
    "MAX_PLAN_BYTES": "67108864",
    "MIN_PLAN_BYTES": "0",
    "MAX_WAIT_SECONDS": "0",
    "SETTLE_SECONDS": "0",
    "FIRST_PARTITION_DATE": "2024-01-01",
    "METRICS_NAMESPACE": "dmd-pipeline",
    "ENVIRONMENT": "dev1",
    "LOG_LEVEL": "INFO",
}
"""Every variable that the writer needs, with values that let it work without waiting."""
