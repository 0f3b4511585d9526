"""The reference stack as it is written, and as AWS's own transform leaves it."""

from __future__ import annotations

import os
from functools import cache
from types import SimpleNamespace
from typing import Any

from orderctl.stack.package import TEMPLATE


@cache
def parsed() -> dict[str, Any]:
    """The template, its intrinsic functions spelled out (`{"Ref": ...}`)."""
    from samtranslator.yaml_helper import yaml_parse

    document: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
    return document


@cache
def translated() -> dict[str, Any]:
    """The template after the SAM transform; raises InvalidDocumentException when it refuses."""
    from samtranslator.translator.transform import transform
    from samtranslator.yaml_helper import yaml_parse

    before = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"
    try:
        values = {"ArtifactBucket": "artifacts"}
        done: dict[str, Any] = transform(yaml_parse(TEMPLATE.read_text()), values, SimpleNamespace(load=dict))
    finally:
        os.environ.pop("AWS_DEFAULT_REGION")
        if before is not None:
            os.environ["AWS_DEFAULT_REGION"] = before
    return done


def resources(kind: str) -> dict[str, Any]:
    """Properties of every translated resource of a type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in translated()["Resources"].items()
        if resource["Type"] == kind
    }
