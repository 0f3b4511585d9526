from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.client import ClientEndpointBridge
from botocore.config import Config
from botocore.exceptions import EndpointVariantError, UnknownServiceError
from botocore.loaders import Loader
from botocore.session import Session

from orderctl.aws.loader import ServiceTable, endpoint_table, hasten

ROOT = Path(__file__).parents[2] / "orderctl"
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "cognito-idp": ("list_user_pools", {"MaxResults": 1}),
    "s3": ("list_objects_v2", {"Bucket": "some-bucket"}),
    "sso": ("list_accounts", {"accessToken": "x"}),
    "sso-oidc": ("register_client", {"clientName": "x", "clientType": "public"}),
    "stepfunctions": ("start_sync_execution", {"stateMachineArn": "arn:aws:states:eu-west-1:1:stateMachine:x"}),
}
"""A call that says more than the service's first one without parameters."""
ODD_REGIONS = ("aws-global", "local", "us-east-9", "fips-us-gov-west-1", "xx-nowhere-1")


def services_named_in_the_code() -> Iterator[str]:
    for path in ROOT.rglob("*.py"):
        if not str(path.relative_to(ROOT)).startswith(("stack/functions", "stack/layers")):
            yield from re.findall(r'\.client\(\s*"([a-z0-9-]+)"', path.read_text(encoding="utf-8"))


SERVICES = sorted({*services_named_in_the_code(), "sso", "sso-oidc"})
"""What orderctl speaks to, and what botocore asks for credentials."""


def session(*, hastened: bool, data_path: Path | None = None) -> Any:
    made: Any = Session(session_vars={"data_path": (None, None, str(data_path) if data_path else None, None)})
    made.set_credentials("AKIAFAKE", "fake")
    if hastened:
        hasten(made.get_component("data_loader"))
    return made


STOCK, OURS = session(hastened=False), session(hastened=True)
TABLE = json.loads((Path(Loader.BUILTIN_DATA_PATH) / "endpoints.json").read_text(encoding="utf-8"))
PARTITIONS = {each["partition"]: list(each["regions"]) for each in TABLE["partitions"]}


def resolver(session: Any) -> Any:
    return session._get_internal_component("endpoint_resolver")


def routed(session: Any, service: str, region: str, variants: dict[str, Any]) -> object:
    """What a client made for this Region is told: URL, signing name and Region, partition, and all the rest."""
    model = session.get_service_model(service)
    name = model.metadata.get("signingName")
    bridge: Any = ClientEndpointBridge(resolver(session), client_config=Config(**variants), service_signing_name=name)
    try:
        return bridge.resolve(model.endpoint_prefix, region)
    except EndpointVariantError as error:
        return str(error)


def signed(session: Any, service: str, region: str) -> tuple[str, str]:
    """(URL, Authorization without its signature) of a call that is not sent."""
    client = session.create_client(service, region_name=region)
    seen: list[Any] = []

    def answer(request: Any, **_: object) -> AWSResponse:
        seen.append(request)
        return AWSResponse(request.url, 418, {}, None)  # type: ignore[arg-type]

    client.meta.events.register_first("before-send", answer)
    operation, parameters = CALLS.get(service) or (first_call(client), {})
    with pytest.raises(Exception, match=r".*"):
        getattr(client, operation)(**parameters)
    return seen[0].url, str(seen[0].headers.get("Authorization")).partition("Signature=")[0]


def first_call(client: Any) -> str:
    names: dict[str, str] = client.meta.method_to_api_mapping
    for name in sorted(names):
        shape = client.meta.service_model.operation_model(names[name]).input_shape
        if shape is None or not shape.required_members:
            return name
    raise AssertionError(f"name a call of {client.meta.service_model.service_name} in CALLS")


def test_the_services_are_found_in_the_code() -> None:
    assert {"sqs", "dynamodb", "stepfunctions", "lambda", "s3", "sts", "cognito-idp"} < set(SERVICES)


def test_the_whole_table_reads_as_it_stands_in_the_file() -> None:
    partitions = resolver(session(hastened=True))._endpoint_data["partitions"]
    assert all(isinstance(each["services"], ServiceTable) for each in partitions)
    assert [{**each, "services": dict(each["services"])} for each in partitions] == TABLE["partitions"]


def test_every_service_routes_and_signs_as_botocore_would_in_every_region_of_every_partition() -> None:
    regions = [region for each in PARTITIONS.values() for region in each]
    assert len(PARTITIONS) >= 8
    assert len(regions) > 45
    for service, region in product(SERVICES, [*regions, *ODD_REGIONS]):
        for fips, dualstack in product((False, True), repeat=2):
            variants: dict[str, Any] = {"use_fips_endpoint": fips, "use_dualstack_endpoint": dualstack}
            ours, stock = routed(OURS, service, region, variants), routed(STOCK, service, region, variants)
            assert ours == stock, (service, region, variants)


@pytest.mark.parametrize("service", SERVICES)
def test_requests_go_where_botocore_would_send_them_and_are_signed_alike(service: str) -> None:
    for region in (*(regions[0] for regions in PARTITIONS.values()), "us-east-1", "us-east-9"):
        assert signed(OURS, service, region) == signed(STOCK, service, region), region


def test_the_rules_and_models_are_the_very_same() -> None:
    ours, stock = OURS.get_component("data_loader"), STOCK.get_component("data_loader")
    for service, kind in product(SERVICES, ("service-2", "endpoint-rule-set-1", "paginators-1")):
        assert ours.load_service_model(service, kind) == stock.load_service_model(service, kind)


def test_a_service_there_is_no_data_for_is_refused_with_the_names_of_all_others() -> None:
    with pytest.raises(UnknownServiceError) as stock:
        STOCK.create_client("no-such-service", region_name="eu-west-1")
    with pytest.raises(UnknownServiceError) as ours:
        OURS.create_client("no-such-service", region_name="eu-west-1")
    assert str(ours.value) == str(stock.value)
    assert OURS.get_available_services() is not None
    assert list(OURS.get_available_services()) == STOCK.get_available_services()


def test_a_table_somebody_put_in_front_of_botocores_own_is_read_whole(tmp_path: Path) -> None:
    partition = {**TABLE["partitions"][0], "services": {}, "dnsSuffix": "example.org"}
    (tmp_path / "endpoints.json").write_text(json.dumps({"partitions": [partition], "version": 3}))
    for made in (session(hastened=True, data_path=tmp_path), session(hastened=False, data_path=tmp_path)):
        found = resolver(made)
        assert found.construct_endpoint("sqs", "eu-west-1")["hostname"] == "sqs.eu-west-1.example.org"
        assert not found.uses_builtin_data


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(TABLE),
        json.dumps(TABLE, indent=2),
        json.dumps(TABLE, indent=4),
        "",
        "not JSON",
        '{\n  "partitions" : [ {\n    "services" : {\n      "sqs" : {}\n    }\n  } ]\n}',
    ],
    ids=["minified", "other spaces", "other indent", "empty", "nonsense", "no header"],
)
def test_a_file_laid_out_in_any_other_way_is_left_to_botocore(text: str) -> None:
    assert endpoint_table(text) is None
