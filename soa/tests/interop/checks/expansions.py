"""Expansions: done by the client, out of what the services answer."""

from checks.harness import check, client

ROUTE = {"action": "get_owners", "request_field": "owner_ids", "response_field": "owners"}

CONFIG = {
    "type_routes": {
        "owners": dict(ROUTE, service="example"),
        "owners_elsewhere": dict(ROUTE, service="example2"),
    },
    "type_expansions": {
        "thing_type": {
            "owner": {
                "type": "owner_type",
                "route": "owners",
                "source_field": "owner_id",
                "destination_field": "owner",
                "raise_action_errors": True,
            },
        },
        "owner_type": {
            "twin": {
                "type": "owner_type",
                "route": "owners_elsewhere",
                "source_field": "id",
                "destination_field": "twin",
            },
        },
    },
}


def owner(name, **more):
    return dict(_type="owner_type", id=name, name="Owner " + name, **more)


@check
def things_are_given_their_owners():
    made = client(expansions=CONFIG)
    body = made.call_action("example", "get_things", expansions={"thing_type": ["owner"]}).body
    owners = [thing.get("owner") for thing in body["things"]]
    assert owners == [owner("o1"), owner("o2"), None, None], body


@check
def expansions_are_nested_and_cross_services():
    made = client(expansions=CONFIG)
    body = made.call_action("example", "get_things", expansions={"thing_type": ["owner.twin"]}).body
    owners = [thing.get("owner") for thing in body["things"]]
    assert owners[:2] == [owner("o1", twin=owner("o1")), owner("o2", twin=owner("o2"))], body


@check
def all_forms_of_a_call_expand():
    made = client(expansions=CONFIG)
    actions, wanted = [{"action": "get_things"}] * 2, {"thing_type": ["owner"]}
    found = [
        made.call_actions("example", actions, expansions=wanted).actions,
        list(made.call_actions_parallel("example", actions, expansions=wanted)),
        [made.call_action_future("example2", "get_things", expansions=wanted).result()],
    ]
    for responses in found:
        for response in responses:
            assert response.body["things"][0]["owner"] == owner("o1"), response
