"""Runs a provisioned stack: delivery streams, functions, schedules, each with its own role."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from emulation.encryption_keys import encryption_keys
from emulation.endpoint import Credentials, Endpoint
from emulation.firehose import DeliveryCounts, DeliveryStream, DeliveryStreamRunner
from emulation.functions import OWN_CLIENT, FunctionHost
from emulation.functions.invocation import invocation_metrics
from emulation.functions.logs import FunctionLog, LogSink
from emulation.gateway import Gateway, Query, QueryRows
from emulation.metrics import Metrics
from emulation.scheduler.runner import ScheduleRunner, list_schedules
from emulation.subscription_filters import LogForwarding
from infra.settings import Settings

_POLL_SECONDS = 0.1
# Firehose waits five minutes for the transform, longer than the function's own timeout.
_TRANSFORM_SECONDS = 310.0


@dataclass(frozen=True)
class _Reader:
    """The thread in which a delivery stream runs, and what stops it."""

    thread: threading.Thread
    stop: threading.Event


class Pipeline:
    """The running parts of a stack. `running_pipeline` makes it.

    Parameters
    ----------
    gate
        The authorizer that checks each role's requests.
    host
        Runs the functions.
    settings
        The stack's settings.
    delivery_streams
        The names that AWS has for the delivery streams, by the names that the stack has for them
        (`infra.deliveries.Delivery.name`).
    metrics
        Collects what CloudWatch gets of the run.
    """

    def __init__(
        self,
        gate: Gateway,
        host: FunctionHost,
        settings: Settings,
        delivery_streams: Mapping[str, str],
        metrics: Metrics,
    ) -> None:
        self.gate = gate
        self.metrics = metrics
        self.endpoint = gate.endpoint
        self.host = host
        self.settings = settings
        self._log_forwarding = LogForwarding(
            self.endpoint, self._assume, f"{settings.naming.prefix}-"
        )
        self._failure: BaseException | None = None
        self._letters = 0
        self._readers: dict[str, _Reader] = {}
        self._runners = {
            name: self._runner(stream_name) for name, stream_name in delivery_streams.items()
        }

    def start(self) -> None:
        """Start the delivery streams. They read records that arrive from now on."""
        for runner in self._runners.values():
            runner.start()
        self.resume()

    def resume(self) -> None:
        """Let the delivery streams read on where they stopped."""
        for name in self._runners:
            self._read(name)

    def follow(self, delivery_streams: Mapping[str, str]) -> None:
        """Run these delivery streams from now on, while the pipeline is at work.

        A new one reads the records that arrive from now on. One that is not among them has been
        deleted: what it has not delivered yet is lost, as on AWS.

        Parameters
        ----------
        delivery_streams
            As for the class.
        """
        self._stop(name for name in self._runners if name not in delivery_streams)
        kept = {name: each for name, each in self._runners.items() if name in delivery_streams}
        new = {
            name: self._runner(stream_name)
            for name, stream_name in delivery_streams.items()
            if name not in kept
        }
        for runner in new.values():
            runner.start()
        # Other threads may be reading the former mapping.
        self._runners = {**kept, **new}
        self._log_forwarding.discover()
        for name in new:
            self._read(name)

    def drain(self, progress: Callable[[], None]) -> None:
        """Read the stream to its end, and deliver all that the delivery streams buffer.

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
        """Delete from the endpoint the resources whose work this pipeline does itself.

        An endpoint's own Firehose, Scheduler or log forwarding would do the same work a second
        time. A test by waiting is not possible, because a schedule may fire hours later. So this
        method deletes the endpoint's delivery streams, schedules and subscription filters, which
        this pipeline has already read.

        Parameters
        ----------
        schedules
            The runner of the schedules that this pipeline fires.
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
        """Stop the delivery streams from reading."""
        self._stop(list(self._readers))

    def counts(self) -> dict[str, DeliveryCounts]:
        """Return the counts so far of each delivery stream."""
        return {name: runner.counts for name, runner in self._runners.items()}

    def schedules(self, group: str, on_failure: Callable[[str], None]) -> ScheduleRunner:
        """Return the runner of a group's schedules. It calls ``on_failure`` with failed runs."""
        found = list_schedules(self.endpoint.client("scheduler"), group)
        return ScheduleRunner(self.endpoint, found, self._assume, self.host.outcome, on_failure)

    def forward_logs(self) -> int:
        """Write all log events so far to the log groups, and forward them from there.

        The metrics in them are put into CloudWatch.

        Returns
        -------
        int
            Number of forwarded log events.
        """
        self.host.flush_logs()
        self.collect_metrics()
        self.metrics.put(self.endpoint.client("cloudwatch"))
        return self._log_forwarding.forward()

    def collect_metrics(self) -> None:
        """Collect what Firehose, Kinesis and SQS publish of the moment.

        The stream's throttled reads are those of the delivery streams since the last time: this
        run has no other reader. The messages are those that the dead-letter queue got since then.
        """
        for runner in self._runners.values():
            dimensions = {"DeliveryStreamName": runner.stream.name}
            self.metrics.add("AWS/Firehose", dimensions, runner.metrics(), unit="None")
            stream = {"StreamName": self.settings.stream_name}
            self.metrics.add("AWS/Kinesis", stream, runner.stream_metrics())
        queue = self.settings.naming.dead_letter_queue
        sqs = self.endpoint.client("sqs")
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        name = "ApproximateNumberOfMessages"
        found = int(
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
        )
        sent, self._letters = max(found - self._letters, 0), found
        self.metrics.add("AWS/SQS", {"QueueName": queue}, {"NumberOfMessagesSent": sent})

    def _read(self, name: str) -> None:
        runner, stop = self._runners[name], threading.Event()

        def run() -> None:
            try:
                runner.run(stop)
            except BaseException as error:
                # The thread that waits for the delivery streams raises it again.
                self._failure = error

        thread = threading.Thread(target=run, name=f"delivery-{name}", daemon=True)
        self._readers[name] = _Reader(thread, stop)
        thread.start()

    def _stop(self, names: Iterable[str]) -> None:
        stopped = [self._readers.pop(name) for name in names if name in self._readers]
        for each in stopped:
            each.stop.set()
        for each in stopped:
            each.thread.join()

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
            # One attempt: the delivery stream itself retries, and waits as long as Firehose does.
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
    run_query: Callable[[Query, Endpoint], QueryRows] | None = None,
) -> Iterator[Pipeline]:
    """Run a provisioned stack until the end of the ``with``.

    Parameters
    ----------
    endpoint
        The endpoint of the stack.
    settings
        The stack's settings.
    delivery_streams
        As for `Pipeline`.
    packages
        Folder of the functions' packages with which the stack was provisioned.
    log_sink
        Called with the functions' log lines.
    runtime_client
        Folder of the runtime client that runs the functions, as for `FunctionHost`.
    run_query
        Answers a query of Athena at the gateway, whose endpoint it gets.
    """
    with contextlib.ExitStack() as stack:
        hosts: list[FunctionHost] = []

        gate = stack.enter_context(
            Gateway(
                endpoint,
                lambda request: hosts[0].invoke(request),
                keys=encryption_keys(endpoint, settings),
                run_query=(lambda query: run_query(query, gate.endpoint)) if run_query else None,
            )
        )
        metrics = Metrics()

        def on_line(line: FunctionLog) -> None:
            metrics.take(line)
            if log_sink is not None:
                log_sink(line)

        host = FunctionHost(
            gate.endpoint,
            packages,
            lambda role_arn, function_arn: gate.assume_for_service(
                role_arn, "lambda.amazonaws.com", source_arn=function_arn
            ),
            log_sink=on_line,
            on_invocation=lambda name, answer: metrics.add(
                "AWS/Lambda", {"FunctionName": name}, invocation_metrics(answer)
            ),
            runtime_client=runtime_client,
        )
        hosts.append(stack.enter_context(host))
        host.unpack()
        pipeline = Pipeline(gate, host, settings, delivery_streams, metrics)
        stack.callback(pipeline.stop)
        yield pipeline
