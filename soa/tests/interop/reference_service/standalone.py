"""The way to start it: `python -m reference_service.standalone -s reference_service.settings`."""

from pysoa.server.standalone import simple_main


def server_class():
    """Imported late: the standalone runner wants to set up its process first."""
    from reference_service.server import Server

    return Server


if __name__ == "__main__":
    simple_main(server_class)
