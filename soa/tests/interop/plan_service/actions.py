"""The actions, small ones for what plans can say."""

import datetime
import random

from pysoa.common.errors import Error
from pysoa.server.action.base import Action
from pysoa.server.errors import ActionError, JobError


def label(*_, **__):
    """Is always mocked."""
    raise NotImplementedError


class Echo(Action):
    def run(self, request):
        return request.body


class GetContext(Action):
    def run(self, request):
        return {
            "locale": request.context.get("locale"),
            "switches": sorted(request.switches),
            "remote": request.control.get("remote"),
        }


class Fail(Action):
    def run(self, request):
        errors = [
            Error("FIRST", "The first, of some", field="a.b.0"),
            Error("SECOND", "The second, of some", field="a.b.1"),
        ]
        raise ActionError(errors[: request.body["count"]])


class FailJob(Action):
    def run(self, request):
        raise JobError([Error("BAD_JOB", "Nothing of it is right")])


class WhatTime(Action):
    def run(self, request):
        return {"now": datetime.datetime.now()}


class Forward(Action):
    def run(self, request):
        body = request.body
        try:
            response = request.client.call_action(body["service"], body["action"], body=body.get("body", {}))
        except request.client.CallActionError as error:
            raise ActionError(error.actions[0].errors)
        return {"response": response.body}


class Roll(Action):
    def run(self, request):
        sides = request.body["sides"]
        try:
            rolled = random.randint(1, sides)
            response = {"rolled": rolled}
            if request.body.get("label"):
                response["label"] = label(rolled, sides=sides)["text"]
                response["color"] = label.color.value
            return response
        except ValueError:
            raise ActionError([Error("VALUE_ERROR", "No such die")])
        except AttributeError:
            raise ActionError([Error("ATTRIBUTE_ERROR", "No such attribute")])


ACTIONS = {
    "echo": Echo,
    "get_context": GetContext,
    "fail": Fail,
    "fail_job": FailJob,
    "what_time": WhatTime,
    "forward": Forward,
    "roll": Roll,
}
