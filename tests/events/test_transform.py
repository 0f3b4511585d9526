"""Input, InputPath and InputTransformer. Cases marked recorded were answers of AWS itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderctl.events.transform import NotReproducible, target_input

RULE = "arn:aws:events:eu-west-1:111111111111:rule/orders/created"
DETAIL = (
    '{"command":"update-account","payload":{"acc_id":"0a787ecb-4015","sf_id":"baz"},"listsingle":["HIGH"],'
    '"listmulti":["ACTIVE","INACTIVE"],"valid":true,"total":10.50,"big":1E400,"none":null,'
    '"quoted":"say \\"hi\\"","path":"a\\\\b","odd":{"k":"\\n"}}'
)
EVENT = (
    '{"version":"0","id":"e1","detail-type":"account","source":"core","account":"111111111111",'
    f'"time":"2026-01-01T00:00:00Z","region":"eu-west-1","resources":[],"detail":{DETAIL}}}'
)
PATHS = {
    "userId": "$.detail.payload.acc_id",
    "payload": "$.detail.payload",
    "listsingle": "$.detail.listsingle",
    "listmulti": "$.detail.listmulti",
    "systemstring": "$.detail.awsAccountId",
    "detail-type": "$.detail-type",
} | {name: f"$.detail.{name}" for name in ("valid", "total", "big", "none", "quoted", "path", "odd")}


@dataclass(frozen=True)
class Given:
    rule_arn: str = RULE
    input: str | None = None
    input_path: str | None = None
    input_paths: Mapping[str, str] | None = None
    input_template: str | None = None


def _filled(template: str, event: str = EVENT) -> str:
    return target_input(Given(input_paths=PATHS, input_template=template), event)


def test_without_an_input_the_target_gets_the_event_as_it_is() -> None:
    assert target_input(Given(), EVENT + " ") == EVENT + " "


def test_a_constant_input_does_not_look_at_the_event() -> None:
    assert target_input(Given(input='{ "n": 0.10 }'), "no json") == '{ "n": 0.10 }'


@pytest.mark.parametrize(
    ("path", "received"),
    [
        ("$.detail", DETAIL),
        ("$.detail.payload", '{"acc_id":"0a787ecb-4015","sf_id":"baz"}'),
        ("$.detail.payload.sf_id", '"baz"'),  # recorded: a string keeps its quotes
        ("$.detail.total", "10.50"),
    ],
)
def test_an_input_path_passes_one_part_of_the_event(path: str, received: str) -> None:
    assert target_input(Given(input_path=path), EVENT) == received


@pytest.mark.parametrize(
    ("template", "received"),
    [
        # recorded on AWS
        ('"{[/Check event of <detail-type> type"', '"{[/Check event of account type"'),
        ('"info extracted from detail <systemstring>"', '"info extracted from detail "'),
        (
            '"Payload of <payload> with path users/<userId> and <userId>"',
            '"Payload of {acc_id:0a787ecb-4015,sf_id:baz} with path users/0a787ecb-4015 and 0a787ecb-4015"',
        ),
        ('"<listsingle> single list item"', '"[HIGH] single list item"'),
        ('"<listmulti> multiple list items"', '"[ACTIVE,INACTIVE] multiple list items"'),
        ('"Command is <valid>!"', '"Command is true!"'),
        ('"<listsingle> one"\n"<systemstring> two"\n"<userId>"', '"[HIGH] one"\n" two"\n"0a787ecb-4015"'),
        ('"<aws.events.rule-arn> <aws.events.rule-name>"', f'"{RULE} created"'),
        # documented
        ('"instance \\"<userId>\\" is in <valid>"', '"instance \\"0a787ecb-4015\\" is in true"'),
        ('"total <total>, big <big>"', '"total 10.50, big 1E400"'),
        ('"nothing to fill"', '"nothing to fill"'),
    ],
)
def test_a_string_template_is_filled_and_keeps_its_quotes(template: str, received: str) -> None:
    assert _filled(template) == received


@pytest.mark.parametrize(
    ("template", "received"),
    [
        # recorded on AWS
        ('{"detailType": <detail-type>,  "command": <systemstring>}', '{"detailType":"account","command":""}'),
        (
            '{"path": "users/<userId>", "bod": <payload>}',
            '{"path":"users/0a787ecb-4015","bod":{"acc_id":"0a787ecb-4015","sf_id":"baz"}}',
        ),
        ('{"id" : <userId>}', '{"id":"0a787ecb-4015"}'),
        ('{"id" : "<userId>"}', '{"id":"0a787ecb-4015"}'),
        ('{"bod": [<userId>, "hardcoded"]}', '{"bod":["0a787ecb-4015","hardcoded"]}'),
        (
            '{"a": {"b": {"c": "users/<userId>/x/<userId>"} } }',
            '{"a":{"b":{"c":"users/0a787ecb-4015/x/0a787ecb-4015"}}}',
        ),
        ('{"singlelistitem": <listsingle>}', '{"singlelistitem":["HIGH"]}'),
        ('{"event": <aws.events.event.json>}', f'{{"event":{EVENT}}}'),
        # documented
        (
            '{\n "ruleArn" : <aws.events.rule-arn>,\n "ruleName" : <aws.events.rule-name>\n}',
            f'{{"ruleArn":"{RULE}","ruleName":"created"}}',
        ),
        ('{"s": "is \\"<userId>\\" in <valid>"}', '{"s":"is \\"0a787ecb-4015\\" in true"}'),
        ('{"s": [9, <valid>, "x  y"], "n": <total>, "m": "<total>"}', '{"s":[9,true,"x  y"],"n":10.50,"m":"10.50"}'),
        ('{"q": <quoted>, "p": <path>, "o": <odd>}', '{"q":"say \\"hi\\"","p":"a\\\\b","o":{"k":"\\n"}}'),
        ('{"gone": "x<systemstring>y"}', '{"gone":"xy"}'),
        ('["<userId>", <big>]', '["0a787ecb-4015",1E400]'),
        ('{"a": <valid> , ":b": 1}', '{"a":true,":b":1}'),
    ],
)
def test_a_json_template_is_filled_and_minified(template: str, received: str) -> None:
    assert _filled(template) == received


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ('{"t": <aws.events.event.ingestion-time>}', "time EventBridge received"),
        ('"at <aws.events.event.ingestion-time>"', "time EventBridge received"),
        ('{"e": <aws.events.event>}', "without its detail"),
        ('{"e": "<aws.events.event.json>"}', "inside quotes"),
        ('"<aws.events.event.json>"', "inside quotes"),
        ('{"p": "<payload>"}', "AWS delivers nothing"),  # recorded: nothing arrives
        ('{"p": "<listsingle>"}', "AWS delivers nothing"),  # recorded: nothing arrives
        ("<listsingle> single list item", "outside quotes"),  # recorded: nothing arrives
        ("<userId>", "outside quotes"),
        ("plain text", "neither JSON nor text in quotes"),
        ('"a"\n\n"b"', "neither JSON nor text in quotes"),
        ('"open', "neither JSON nor text in quotes"),
        ('"x\\', "neither JSON nor text in quotes"),
        ('{"n": <none>}', "null in the event"),
        ('"<none>"', "null in the event"),
        ('"<quoted>"', "has escapes"),
        ('{"p": "<path>"}', "has escapes"),
        ('"<odd>"', "has escapes"),
        ('{"<userId>": 1}', "in a key"),
        ('{"x<userId>" : 1}', "in a key"),
        ("{<userId>: 1}", "in a key"),
        ('{"a": <userId> <userId>}', "no JSON"),
        ('"<unknown>"', "do not define"),
        ('"a < b"', "around no variable"),
        ('"<b>bold</b>"', "do not define|around no variable"),
        ('{"a": 1 > 0}', "around no variable"),
    ],
)
def test_what_aws_would_send_is_never_guessed(template: str, why: str) -> None:
    with pytest.raises(NotReproducible, match=why):
        _filled(template)


@pytest.mark.parametrize("path", ["$.detail.missing", "$.detail.*"])
def test_an_input_path_that_leads_nowhere_or_to_many_is_not_guessed(path: str) -> None:
    with pytest.raises(NotReproducible, match="not documented"):
        target_input(Given(input_path=path), EVENT)


def test_an_event_that_is_no_json_is_not_reproducible() -> None:
    with pytest.raises(NotReproducible, match="cannot be read"):
        target_input(Given(input_path="$.detail"), "{")


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(json.dumps)


@given(NUMBERS | TEXTS)
def test_a_value_outside_quotes_is_the_text_it_has_in_the_event(value: str) -> None:
    event = f'{{"id":"e1","detail":{{"userId":{value}}}}}'
    target = Given(input_paths={"v": "$.detail.userId"}, input_template='{"v": <v>, "list": [<v>]}')
    assert target_input(target, event) == f'{{"v":{value},"list":[{value}]}}'
