"""Clients of the reference against whatever serves `example` and `example2`.

    SOA_REDIS_PORTS=PORT,… PYSOA_PYTHON suite.py [--reference] [--only PART_OF_A_NAME]

Prints a line for each check and a JSON summary as the last line; ends with 1 if a check failed. With `--reference`
the services are PySOA's own: the checks that it is known to fail on purpose are left out, each with its reason.
"""

import argparse
import json
import logging
import sys
import time
import traceback

from pysoa.common.transport.errors import MessageReceiveTimeout

from checks import actions, calls, context, errors, expansions, introspection  # noqa: F401, for their checks
from checks.harness import CHECKS, PATIENCE, SERVICES, client


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", action="store_true", help="PySOA itself is serving")
    parser.add_argument("--only", default="", metavar="PART", help="only checks with this in their names")
    return parser.parse_args()


def await_services(seconds=PATIENCE):
    """The services may still be starting; without them every check would time out, one after another."""
    deadline = time.monotonic() + seconds
    for service in SERVICES:
        while True:
            try:
                # One of the reference looks at the masters of a ring one after another, each for a second.
                client(receive_timeout_in_seconds=4).call_action(service, "status", {"verbose": False})
                break
            except MessageReceiveTimeout:
                if time.monotonic() > deadline:
                    sys.exit("nobody serves `{}` within {} s".format(service, seconds))


def explain(error):
    """Where the check failed, in few lines: its own frame and the error."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/checks/" in frame.filename]
    places = ["  {}:{} {}".format(frame.filename.split("/checks/")[-1], frame.lineno, frame.line) for frame in frames]
    return "\n".join(places + ["  {}: {}".format(type(error).__name__, str(error)[:4000])])


def main():
    options = arguments()
    logging.disable(logging.CRITICAL)
    await_services()
    summary = {"passed": 0, "failed": [], "left_out": []}
    for function, differs in CHECKS:
        name = function.__name__
        if options.only not in name:
            continue
        if differs and options.reference:
            print("left out {}: {}".format(name, differs), flush=True)
            summary["left_out"].append(name)
            continue
        start = time.monotonic()
        try:
            function()
        except Exception as error:
            print("FAILED {}\n{}".format(name, explain(error)), flush=True)
            summary["failed"].append(name)
        else:
            print("ok {} ({:.0f} ms)".format(name, 1000 * (time.monotonic() - start)), flush=True)
            summary["passed"] += 1
    print(json.dumps(summary), flush=True)
    return 1 if summary["failed"] or not summary["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
