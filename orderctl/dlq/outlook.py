"""Will it work this time? What speaks against a redrive although it could be carried out.

Nothing here stops anything: a consumer that failed lately may be well again, and a person may know why. What
cannot be looked at is said as such.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from orderctl.dlq.fail_states import fail_states
from orderctl.dlq.models import Machine, Redrivable
from orderctl.dlq.prepare import Prepared, Services
from orderctl.dlq.routes_parts import service_of
from orderctl.errors import NotFoundError, OrderctlError

_MANY = 20
"""Consumers beyond this are not looked at one by one; a plan has a handful."""


def outlook(
    services: Services, prepared: Prepared, letters: Sequence[Redrivable], workflows: Sequence[str] = ()
) -> list[str]:
    """Warnings about the consumers of `letters`; `workflows` are state machines their functions start."""
    arns = list(dict.fromkeys(letter.delivery.arn for letter in letters))[:_MANY]
    warnings: list[str] = []
    functions = [arn for arn in arns if service_of(arn) == "lambda"]
    for queue in (arn for arn in arns if service_of(arn) == "sqs"):
        functions += _readers(services, queue, warnings)
    warnings += _failing(services, functions)
    machines = _machines(services, prepared, letters, workflows, warnings)
    warnings += _on_purpose(machines, letters)
    return list(dict.fromkeys(warnings))


def _readers(services: Services, queue: str, warnings: list[str]) -> list[str]:
    name = queue.rsplit(":", 1)[-1]
    try:
        readers = services.functions.readers(queue)
    except OrderctlError as error:
        warnings.append(f"who reads {name} is not known: {error.message}")
        return []
    if readers and not any(reads for _, reads in readers):
        warnings.append(f"no function reads {name} now: its event source mapping is switched off")
    return [function for function, reads in readers if reads]


def _failing(services: Services, functions: Sequence[str]) -> Iterator[str]:
    names = list(dict.fromkeys(arn.split(":")[6] for arn in functions if len(arn.split(":")) > 6))
    if services.health is None or not names:
        return
    try:
        counted = services.health.failures(names)
    except OrderctlError as error:
        yield f"how the consumers did lately is not known: {error.message}"
        return
    for name, (failed, invoked) in counted.items():
        if failed:
            yield f"{name} failed {failed} of {invoked} invocations in the last 15 minutes: letters may come back"


def _machines(
    services: Services,
    prepared: Prepared,
    letters: Sequence[Redrivable],
    workflows: Sequence[str],
    warnings: list[str],
) -> list[Machine]:
    """Those that are delivered to; and, where a function may pass an error on, the ones it starts."""
    found = list(prepared.machines.values())
    relayed = any(each.letter.failure.error and service_of(each.delivery.arn) == "lambda" for each in letters)
    for arn in (arn for arn in workflows if relayed and arn not in prepared.machines):
        try:
            found.append(services.starter.machine(arn))
        except NotFoundError:
            continue
        except OrderctlError as error:
            warnings.append(f"whether these letters fail on purpose is not known: {error.message}")
    return found


def _on_purpose(machines: Sequence[Machine], letters: Sequence[Redrivable]) -> Iterator[str]:
    """Letters whose error is where a state machine ends by its own definition."""
    errors = Counter(each.letter.failure.error for each in letters if each.letter.failure.error)
    for machine in machines:
        ends = _ends(machine)
        for error, count in errors.items():
            if error in ends:
                yield (
                    f"{count} letters failed with {error}, in which {machine.arn.rsplit(':', 1)[-1]} ends on purpose"
                    f" (Fail state {ends[error]}): the same input fails again, unless it is edited (--set)"
                )


def _ends(machine: Machine) -> Mapping[str, str]:
    """Error, and name of the state, to the Fail state it stands for."""
    fails = fail_states(machine.definition)
    return {**{name: name for name in fails}, **{error: name for name, error in fails.items() if error}}
