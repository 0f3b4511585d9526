"""Packs the reference stack: zips of the functions and the layer, the workflow's definition, the template.

The same sources give the same bytes on every machine, so an unchanged function keeps its key and a
deployment of nothing new changes nothing: names are sorted, times and modes fixed, compiled files left
out, and the zips stored without compression, because compressed bytes depend on the zlib at hand.

For the embedded emulator (`local=True`) each function also carries the shared code, which there is no
layer for, and a `bootstrap` that runs it in this interpreter; see `layers/local_runtime.py`.
"""

from __future__ import annotations

import hashlib
import io
import re
import shlex
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from orderctl.stack.models import Artifact, Package

HERE = Path(__file__).parent
TEMPLATE = HERE / "template.yaml"
DEFINITION = HERE / "state_machines" / "order.asl.json"
BULK_DEFINITION = HERE / "state_machines" / "bulk.asl.json"

FUNCTIONS: Mapping[str, str] = {
    "UsersApiKey": "users_api",
    "OrdersApiKey": "orders_api",
    "ProcessApiKey": "process_api",
    "ValidateOrderKey": "validate_order",
    "ProcessOrderKey": "process_order",
    "SendEmailKey": "send_email",
    "AnalyticsKey": "analytics",
    "BulkDeliverKey": "bulk_deliver",
}
"""Template parameter -> module in functions/."""

_POWERTOOLS = re.compile(r"resolve:ssm:(/aws/service/powertools/[^}]+)")
EPOCH = (1980, 1, 1, 0, 0, 0)
FILE_MODE = 0o100644
BOOTSTRAP_MODE = 0o100755


def build(*, local: bool = False, python: str = sys.executable) -> Package:
    """Pack everything. `python` runs the functions on the embedded emulator and is unused elsewhere."""
    artifacts = {name: _artifact(module, "zip", _function(module, local, python)) for name, module in FUNCTIONS.items()}
    artifacts["CommonLayerKey"] = _artifact("orders_common", "zip", _zip(_shared("python/")))
    artifacts["OrderWorkflowKey"] = _artifact("order", "asl.json", DEFINITION.read_bytes())
    artifacts["BulkWorkflowKey"] = _artifact("bulk", "asl.json", BULK_DEFINITION.read_bytes())
    return _package(TEMPLATE.read_text("utf-8"), artifacts)


def _package(template: str, artifacts: Mapping[str, Artifact]) -> Package:
    parameters = {name: artifact.key for name, artifact in sorted(artifacts.items())}
    whole = "\n".join([template, *(f"{name}={key}" for name, key in parameters.items())])
    return Package(
        template=template,
        parameters=parameters,
        artifacts=tuple(sorted(artifacts.values(), key=lambda artifact: artifact.key)),
        digest=hashlib.sha256(whole.encode()).hexdigest(),
    )


def _artifact(name: str, ending: str, body: bytes) -> Artifact:
    return Artifact(f"{name}/{hashlib.sha256(body).hexdigest()}.{ending}", body)


def _function(module: str, local: bool, python: str) -> bytes:
    files = {f"{module}.py": (HERE / "functions" / f"{module}.py").read_bytes()}
    if not local:
        # SAM publishes a version for new code, not for a new layer: without this the alias would keep the old ones
        return _zip({**files, "layers.sha256": layers_digest(TEMPLATE.read_text("utf-8"))})
    runtime = {"local_runtime.py": (HERE / "layers" / "local_runtime.py").read_bytes()}
    return _zip({**files, **runtime, **_shared(), "bootstrap": _bootstrap(python)})


def layers_digest(template: str) -> bytes:
    """What changes with any layer: the shared code, and which Powertools the template names."""
    powertools = _POWERTOOLS.findall(template)
    assert powertools, "the template names no Powertools layer"
    return hashlib.sha256(_zip(_shared()) + "".join(powertools).encode()).hexdigest().encode()


def _shared(prefix: str = "") -> dict[str, bytes]:
    return {f"{prefix}{path.relative_to(HERE / 'layers')}": path.read_bytes() for path in _sources("orders_common")}


def _sources(layer: str) -> Iterator[Path]:
    yield from sorted((HERE / "layers" / layer).rglob("*.py"))


def _bootstrap(python: str) -> bytes:
    return f'#!/bin/sh\nexec {shlex.quote(python)} -B "$LAMBDA_TASK_ROOT/local_runtime.py"\n'.encode()


def _zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, body in sorted(files.items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # Unix, whatever this machine is: the modes below are its
            entry.external_attr = (BOOTSTRAP_MODE if name == "bootstrap" else FILE_MODE) << 16
            archive.writestr(entry, body)
    return buffer.getvalue()
