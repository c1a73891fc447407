"""A provisioned stack at work: delivery streams, functions, schedules, each with its own role."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from emulation.encryption_keys import encryption_keys
from emulation.endpoint import Credentials, Endpoint
from emulation.firehose import DeliveryCounts, DeliveryStream, DeliveryStreamRunner
from emulation.functions import OWN_CLIENT, FunctionHost
from emulation.functions.logs import LogSink
from emulation.gateway import Gateway
from emulation.scheduler.runner import ScheduleRunner, list_schedules
from emulation.subscription_filters import LogForwarding
from infra.settings import Settings

_POLL_SECONDS = 0.1
# Firehose waits five minutes for the transform; the function's own timeout comes first.
_TRANSFORM_SECONDS = 310.0


class Pipeline:
    """The running parts of one stack; `running_pipeline` makes it.

    Parameters
    ----------
    gate
        The authorizer that every request of a role goes through.
    host
        Runs the functions.
    settings
        The stack's settings.
    delivery_streams
        Names of the delivery streams, by record type.
    """

    def __init__(
        self,
        gate: Gateway,
        host: FunctionHost,
        settings: Settings,
        delivery_streams: Mapping[str, str],
    ) -> None:
        self.gate = gate
        self.endpoint = gate.endpoint
        self.host = host
        self.settings = settings
        self._log_forwarding = LogForwarding(
            self.endpoint, self._assume, f"{settings.naming.prefix}-"
        )
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._runners = {
            record_type: self._runner(name) for record_type, name in delivery_streams.items()
        }

    def start(self) -> None:
        """Let the delivery streams read what arrives from now on."""
        for record_type, runner in self._runners.items():
            runner.start()
            thread = threading.Thread(
                target=self._read, args=(runner,), name=f"delivery-{record_type}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def drain(self, progress: Callable[[], None]) -> None:
        """Read the stream to its end, and put all that the delivery streams hold.

        Raises
        ------
        DeliveryStalled
            Kinesis cannot be read, or S3 refuses an object.
        """
        self.stop()
        if self._failure:
            raise self._failure
        with ThreadPoolExecutor(len(self._runners)) as pool:
            drains = [pool.submit(runner.drain) for runner in self._runners.values()]
            while wait(drains, timeout=_POLL_SECONDS).not_done:
                progress()
            for each in drains:
                each.result()

    def take_over(self, schedules: ScheduleRunner) -> None:
        """Remove from the endpoint what this pipeline runs in the endpoint's place.

        An endpoint may have a Firehose, a Scheduler or a forwarding of logs that work by
        themselves, and would do everything a second time. Whether it has cannot be found out by
        waiting: a schedule fires minutes or hours later. So its delivery streams, schedules and
        subscription filters are removed, after this pipeline has read them.

        Parameters
        ----------
        schedules
            What this pipeline fires.
        """
        firehose = self.endpoint.client("firehose")
        for runner in self._runners.values():
            firehose.delete_delivery_stream(DeliveryStreamName=runner.stream.name)
        scheduler = self.endpoint.client("scheduler")
        for each in schedules.schedules:
            scheduler.delete_schedule(Name=each.name, GroupName=each.group)
        logs = self.endpoint.client("logs")
        for subscription in self._log_forwarding.subscriptions:
            logs.delete_subscription_filter(
                logGroupName=subscription.group, filterName=subscription.name
            )

    def stop(self) -> None:
        """Let the delivery streams read no further."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def counts(self) -> dict[str, DeliveryCounts]:
        """Return what each record type's delivery stream has done so far."""
        return {record_type: runner.counts for record_type, runner in self._runners.items()}

    def schedules(self, group: str, on_failure: Callable[[str], None]) -> ScheduleRunner:
        """Return the runner of the schedules of a group; it tells ``on_failure`` of failed runs."""
        found = list_schedules(self.endpoint.client("scheduler"), group)
        return ScheduleRunner(self.endpoint, found, self._assume, self.host.outcome, on_failure)

    def forward_logs(self) -> int:
        """Let all that was logged so far come into the log groups, and on from there.

        Returns
        -------
        int
            Log events that were forwarded.
        """
        self.host.flush_logs()
        return self._log_forwarding.forward()

    def _read(self, runner: DeliveryStreamRunner) -> None:
        try:
            runner.run(self._stop)
        except BaseException as error:
            # Raised again where somebody waits for it.
            self._failure = error

    def _assume(self, role_arn: str, principal: str, source_arn: str) -> Credentials:
        return self.gate.assume_for_service(role_arn, principal, source_arn=source_arn)

    def _runner(self, name: str) -> DeliveryStreamRunner:
        stream = DeliveryStream.describe(self.endpoint.client("firehose"), name)

        def as_role(role_arn: str) -> Endpoint:
            credentials = self._assume(role_arn, "firehose.amazonaws.com", stream.arn)
            return self.endpoint.with_credentials(credentials)

        destination = stream.destination.role_arn
        invoker = stream.transform.role_arn if stream.transform else destination
        return DeliveryStreamRunner(
            stream,
            kinesis=as_role(stream.source_role_arn).client("kinesis"),
            # The delivery stream itself counts the attempts, and waits as long as Firehose does.
            lambda_client=as_role(invoker).client(
                "lambda", attempts=1, read_timeout_seconds=_TRANSFORM_SECONDS
            ),
            s3=as_role(destination).client("s3"),
            logs=as_role(destination).client("logs"),
        )


@contextmanager
def running_pipeline(
    endpoint: Endpoint,
    settings: Settings,
    delivery_streams: Mapping[str, str],
    packages: Path,
    log_sink: LogSink | None = None,
    runtime_client: Path = OWN_CLIENT,
) -> Iterator[Pipeline]:
    """Run a provisioned stack until the end of the ``with``.

    Parameters
    ----------
    endpoint
        Where the stack is provisioned.
    settings
        Its settings.
    delivery_streams
        Names of the delivery streams, by record type.
    packages
        Folder of the functions' packages that it was provisioned with.
    log_sink
        Takes the functions' log lines.
    runtime_client
        Folder of the runtime client that runs the functions, as `FunctionHost` takes it.
    """
    with contextlib.ExitStack() as stack:
        hosts: list[FunctionHost] = []

        gate = stack.enter_context(
            Gateway(
                endpoint,
                lambda request: hosts[0].invoke(request),
                keys=encryption_keys(endpoint, settings),
            )
        )
        host = FunctionHost(
            gate.endpoint,
            packages,
            lambda role_arn, function_arn: gate.assume_for_service(
                role_arn, "lambda.amazonaws.com", source_arn=function_arn
            ),
            log_sink=log_sink,
            runtime_client=runtime_client,
        )
        hosts.append(stack.enter_context(host))
        host.unpack()
        pipeline = Pipeline(gate, host, settings, delivery_streams)
        stack.callback(pipeline.stop)
        yield pipeline
