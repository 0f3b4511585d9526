"""The questions of `doctor` at the wire: once, small, and read the right way."""

from __future__ import annotations

import json
from email.utils import format_datetime
from pathlib import Path

import pytest

from orderctl.aws.probes import AwsProbes
from orderctl.aws.session import Aws
from orderctl.config.file import ConfigFile
from orderctl.config.resolve import resolve
from orderctl.doctor.models import Caller
from orderctl.errors import AuthError, NotFoundError, UnreachableError
from tests.fakes.clock import START, FakeClock
from tests.fakes.http import Cut, HttpServer, Reply, Request

MACHINE = "arn:aws:states:eu-west-1:1:stateMachine:orders"
WHO = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::1:root</Arn><UserId>u</UserId><Account>1</Account></GetCallerIdentityResult>
</GetCallerIdentityResponse>"""
DENIED = Reply(400, json.dumps({"__type": "AccessDeniedException", "Message": "not authorized"}))
ABSENT = Reply(400, json.dumps({"__type": "ExecutionDoesNotExist", "message": "no such execution"}))


def probes_at(server: HttpServer) -> AwsProbes:
    said = {"x": {"local": True, "region": "eu-west-1", "endpoint_url": server.url}}
    environment = resolve("x", {}, {}, ConfigFile(Path(), True, "x", said))
    return AwsProbes(Aws(environment, {}), FakeClock())


def test_the_skew_is_our_clock_against_the_date_of_the_answer() -> None:
    with HttpServer(lambda request: Reply(200, WHO, {"Date": format_datetime(START, usegmt=True)})) as server:
        caller = probes_at(server).caller()
    assert (caller.account, caller.arn) == ("1", "arn:aws:iam::1:root")
    assert caller.skew == 0


def test_an_execution_that_does_not_exist_shows_that_asking_is_allowed() -> None:
    with HttpServer(lambda request: ABSENT) as server:
        probes_at(server).read("states:GetExecutionHistory", MACHINE)
        asked = json.loads(server.requests[0].body)
        assert asked == {"executionArn": "arn:aws:states:eu-west-1:1:execution:orders:orderctl-doctor"}
        with pytest.raises(NotFoundError):
            probes_at(server).read("states:ListExecutions", MACHINE)


def test_a_refused_read_is_an_auth_error_after_one_request() -> None:
    with HttpServer(lambda request: DENIED) as server, pytest.raises(AuthError):
        probes_at(server).read("states:DescribeExecution", MACHINE)
    assert len(server.requests) == 1


def test_a_log_group_is_there_only_by_its_whole_name() -> None:
    listed = Reply(200, json.dumps({"logGroups": [{"logGroupName": "/orders-old"}]}))
    with HttpServer(lambda request: listed) as server:
        assert probes_at(server).resource("express_log_group", "/orders-old") == "/orders-old"
        with pytest.raises(NotFoundError):
            probes_at(server).resource("express_log_group", "/orders")


def test_an_assumed_role_is_judged_by_its_role_with_its_path() -> None:
    def iam(request: Request) -> Reply:
        if b"Action=GetRole" in request.body:
            role = "<Path>/aws-reserved/</Path><RoleName>r</RoleName><RoleId>i</RoleId>"
            role += "<Arn>arn:aws:iam::1:role/aws-reserved/r</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>"
            return Reply(200, f"<R><GetRoleResult><Role>{role}</Role></GetRoleResult></R>")
        member = "<member><EvalActionName>{}</EvalActionName><EvalDecision>{}</EvalDecision></member>"
        results = member.format("a:B", "allowed") + member.format("a:C", "implicitDeny")
        conditional = member.format("a:D", "implicitDeny").removesuffix("</member>")
        results += conditional + "<MissingContextValues><member>events:source</member></MissingContextValues></member>"
        simulated = f"<SimulatePrincipalPolicyResult><EvaluationResults>{results}</EvaluationResults>"
        return Reply(200, f"<R>{simulated}</SimulatePrincipalPolicyResult></R>")

    caller = Caller("1", "arn:aws:sts::1:assumed-role/r/ann")
    with HttpServer(iam) as server:
        assert probes_at(server).allowed(caller, ["a:B", "a:C", "a:D"], "arn:x") == {"a:B": True, "a:C": False}
    assert b"role%2Faws-reserved%2Fr" in server.requests[1].body


def test_a_page_is_asked_for_once_without_a_token_and_without_following() -> None:
    with HttpServer(lambda request: Reply(302, "", {"Location": "http://127.0.0.1:9/"})) as server:
        assert probes_at(server).http_status(server.url + "/x") == 302
    assert "authorization" not in server.requests[0].headers
    assert len(server.requests) == 1


def test_a_page_that_does_not_come_is_unreachable() -> None:
    with HttpServer(lambda request: Cut()) as server, pytest.raises(UnreachableError):
        probes_at(server).http_status(server.url)
