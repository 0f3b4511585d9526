"""The same sources are always the same bytes, under a key that says so."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile

import pytest

from orderctl.stack.models import Artifact, Package
from orderctl.stack.package import DEFINITION, FUNCTIONS, HERE, TEMPLATE, build, layers_digest


def content(package: Package, parameter: str) -> zipfile.ZipFile:
    key = package.parameters[parameter]
    body = next(artifact.body for artifact in package.artifacts if artifact.key == key)
    return zipfile.ZipFile(io.BytesIO(body))


@pytest.mark.parametrize("local", [False, True])
def test_building_twice_gives_the_same_bytes(local: bool) -> None:
    assert build(local=local) == build(local=local)


def test_another_process_in_another_time_zone_builds_the_same() -> None:
    code = "from orderctl.stack.package import build; print(build().digest)"
    environ = {**os.environ, "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7", "PYTHONDONTWRITEBYTECODE": "1"}
    printed = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=HERE.parents[1], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == build().digest


def test_a_key_carries_the_hash_of_its_body() -> None:
    for artifact in build().artifacts:
        assert hashlib.sha256(artifact.body).hexdigest() in artifact.key


def test_every_parameter_names_an_artifact_and_every_artifact_is_named() -> None:
    package = build()
    assert set(package.parameters.values()) == {artifact.key for artifact in package.artifacts}
    assert package.parameters.keys() == {*FUNCTIONS, "CommonLayerKey", "OrderWorkflowKey", "BulkWorkflowKey"}


def test_a_zip_has_sorted_names_fixed_times_and_modes_and_nothing_compiled() -> None:
    for parameter in ("UsersApiKey", "CommonLayerKey"):
        entries = content(build(local=True), parameter).infolist()
        assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        modes = {entry.external_attr >> 16 for entry in entries if entry.filename != "bootstrap"}
        assert modes == {0o100644}
        assert not [entry for entry in entries if ".pyc" in entry.filename or "__pycache__" in entry.filename]


def test_on_aws_a_function_is_its_own_file_with_the_hash_of_its_layer() -> None:
    assert content(build(), "UsersApiKey").namelist() == ["layers.sha256", "users_api.py"]
    layer = content(build(), "CommonLayerKey").namelist()
    assert "python/orders_common/order.py" in layer
    assert all(name.startswith("python/orders_common/") for name in layer)


def test_another_powertools_is_new_code_for_every_function() -> None:
    """SAM publishes a version, and moves the alias to it, for new code alone."""
    template = TEMPLATE.read_text()
    newer = template.replace("python3.13/3.", "python3.13/4.")
    assert newer != template
    assert layers_digest(newer) != layers_digest(template)
    assert content(build(), "UsersApiKey").read("layers.sha256") == layers_digest(template)


def test_locally_a_function_brings_the_shared_code_and_a_bootstrap_that_can_be_run() -> None:
    zipped = content(build(local=True, python="/opt/my python/bin/python3"), "ValidateOrderKey")
    assert {"validate_order.py", "orders_common/order.py", "local_runtime.py", "bootstrap"} <= set(zipped.namelist())
    assert zipped.getinfo("bootstrap").external_attr >> 16 == 0o100755
    assert b"exec '/opt/my python/bin/python3' -B" in zipped.read("bootstrap")


def test_the_local_runtime_never_goes_to_aws() -> None:
    names = [name for key in FUNCTIONS for name in content(build(), key).namelist()]
    assert not [name for name in names if "bootstrap" in name or "local_runtime" in name]


def test_every_function_file_is_packed() -> None:
    there = {path.stem for path in (HERE / "functions").glob("*.py")} - {"__init__"}
    assert there == set(FUNCTIONS.values())


def test_the_definition_is_uploaded_as_it_is_written() -> None:
    package = build()
    body = next(a.body for a in package.artifacts if a.key == package.parameters["OrderWorkflowKey"])
    assert body == DEFINITION.read_bytes()
    assert json.loads(body)["StartAt"] == "ValidateOrder"
    assert package.template == TEMPLATE.read_text()


def test_placing_a_package_moves_only_the_artifacts_keys() -> None:
    package = Package("t", {"CodeKey": "a/1.zip", "Stage": "prod"}, (Artifact("a/1.zip", b""),), "d")
    placed = package.placed("bucket", "orders/")
    assert placed.parameters == {"CodeKey": "orders/a/1.zip", "Stage": "prod", "ArtifactBucket": "bucket"}
    assert (placed.artifacts, placed.digest) == (package.artifacts, package.digest)
