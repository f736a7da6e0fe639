"""What goes along with a call: context, control, switches; and what flows on to chained calls."""

import re

from checks.harness import call, check, client


@check
def context_and_control_arrive_as_they_were_sent():
    body = client(context={"caller": "my_app", "tenant": 4}).call_action(
        "example",
        "get_context",
        context={"locale": "fr_FR"},
        control_extra={"x": 1},
        correlation_id="abc",
        timeout=3,
        switches=[9],
    ).body
    assert body == {
        "context": {"caller": "my_app", "tenant": 4, "locale": "fr_FR", "correlation_id": "abc", "switches": [9]},
        "control": {"continue_on_error": False, "suppress_response": False, "x": 1, "timeout": 3},
        "switches": [9],
        "action": "get_context",
    }, body


@check
def switches_of_client_context_and_call_are_joined():
    made = client(context={"switches": [1]})
    body = made.call_action("example", "get_context", context={"switches": [5]}, switches=[9, 5]).body
    assert body["switches"] == [1, 5, 9], body
    assert sorted(body["context"]["switches"]) == [1, 5, 9], body


@check
def switches_select_a_version():
    assert call("switched") == {"version": 1}
    assert call("switched", switches=[5]) == {"version": 2, "is_active_5": True}
    assert call("switched", switches=[7]) == {"version": 3}
    assert call("switched", switches=[5, 7]) == {"version": 3}
    assert call("switched", switches=[6]) == {"version": 1}


@check
def switches_hold_for_all_actions_of_a_job():
    response = client().call_actions("example", [{"action": "switched"}] * 3, switches=[5])
    assert [action.body["version"] for action in response.actions] == [2, 2, 2], response


@check
def a_response_has_the_correlation_id_and_nothing_else_in_its_context():
    response = client().call_actions("example", [{"action": "none"}], correlation_id="mine", context={"k": 1})
    assert response.context == {"correlation_id": "mine"}, response
    response = client().call_actions("example", [{"action": "none"}])
    assert re.fullmatch("[0-9a-f]{32}", response.context["correlation_id"]), response


@check
def context_flows_down_to_chained_calls():
    context = {"tenant": 7, "caller": "unit"}
    body = call("call_square", {"number": 9}, correlation_id="chain", switches=[5, 8], context=context)
    received, callee = body["received_context"], body["callee_context"]
    assert body["square"] == 81, body
    assert sorted(received.pop("switches")) == sorted(callee.pop("switches")) == [5, 8], body
    assert received == dict(context, correlation_id="chain"), body
    assert callee == dict(received, calling_service="example"), body
    assert body["job_response_context"] == {"correlation_id": "chain"}, body


@check
def a_chained_call_tells_its_timeout():
    control = call("call_square", {"number": 2})["callee_control"]
    assert 0 < control.pop("timeout") <= 5, control
    assert control == {"continue_on_error": False, "suppress_response": False}, control


@check
def the_chain_goes_the_other_way_too():
    body = call("call_square", {"number": 3, "service": "example"}, service="example2")
    assert body["square"] == 9 and body["callee_context"]["calling_service"] == "example2", body
