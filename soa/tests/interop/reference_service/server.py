"""The server: a name and a table of actions."""

from pysoa.server.server import Server as BaseServer

from reference_service import actions, settings


class Server(BaseServer):
    """Shows every feature of the framework in its smallest form."""

    service_name = settings.SERVICE_NAME
    action_class_map = actions.ACTIONS
