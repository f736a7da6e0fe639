"""Test plans, run by PySOA's own runner: `python -m pytest plans.py`, with where they are in the environment.

SOA_PLANS           the plans of `plan_service`
SOA_EXAMPLE_PLANS   the plans of the example service
"""

import os

from pysoa.server.server import Server
from pysoa.test.plan import ServicePlanTestCase

from plan_service.actions import ACTIONS
from reference_service.actions import ACTIONS as EXAMPLE_ACTIONS


class PlanServer(Server):
    service_name = "plan_service"
    action_class_map = ACTIONS


class ExampleServer(Server):
    service_name = "example"
    action_class_map = EXAMPLE_ACTIONS


class TestPlanService(ServicePlanTestCase):
    server_class = PlanServer
    server_settings = {}
    fixture_path = os.environ["SOA_PLANS"]
    model_constants = {
        "users": [{"id": 12, "name": "bob"}, {"id": 13, "name": "eve"}],
        "echo": {"greeting": "hello"},
    }


class TestExample(ServicePlanTestCase):
    server_class = ExampleServer
    server_settings = {}
    fixture_path = os.environ["SOA_EXAMPLE_PLANS"]
    model_constants = {"numbers": {"small": 3, "text": "héllo"}}
