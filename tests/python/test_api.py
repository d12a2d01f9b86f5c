"""The HTTP API against its own OpenAPI document: whatever schemathesis thinks up, no answer is a server error, and each is described."""

import os
import socket
import subprocess
import time
import urllib.request

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
N_EXAMPLES = 30
START_SEC = 60
ANSWER_SEC = 60


def free_port():
    """A TCP port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def api(binary, tmp_path_factory):
    """The document of a running `anacrusis serve`."""
    folder = tmp_path_factory.mktemp("api")
    base = f"http://127.0.0.1:{free_port()}"
    environment = dict(os.environ, ANACRUSIS_CONFIG_DIR=str(folder))
    arguments = [binary, "serve", "--quiet", "--root", str(folder), "--web", base.removeprefix("http://")]
    with subprocess.Popen(arguments, env=environment) as process:
        try:
            wait_for(base, process)
            yield schemathesis.openapi.from_url(f"{base}/api/v1/openapi.json")
        finally:
            process.kill()


def wait_for(base, process):
    """Until the server answers."""
    deadline = time.monotonic() + START_SEC
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{base}/health", timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail("the server does not answer")


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(max_examples=N_EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_document_says(case):
    """Also what is no request at all."""
    case.call_and_validate(checks=CHECKS, timeout=ANSWER_SEC)
