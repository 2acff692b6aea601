"""The whole document, tried out by an outside tool (schemathesis): what it makes up meets no fault and no surprise.

Half of the requests name things that there are, so that they come past “not found”. `TEST_FULL=1` tries a hundred of
each kind for each operation, anew each time; else a few, the same each time.
"""

import os
from time import monotonic
from typing import Any

import anyio.from_thread
import anyio.to_thread
import httpx
import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from support_document import DOCUMENT, LINES, known, named, octets, operations
from support_platform import platform
from support_world import World

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
PRINCIPAL = "principal@northwind.example"
PLATFORM = "/platform/"
HALF_A_TOKENS_LIFE = 300  # seconds
FULL = os.environ.get("TEST_FULL") == "1"
TRIED = settings(
    max_examples=100 if FULL else 3,
    derandomize=not FULL,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
ASKED = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


async def test_what_an_outside_tool_makes_up_meets_no_fault_and_only_answers_of_the_document(world: World) -> None:
    person, machine, signed_in = await world.api(PRINCIPAL), await platform(world), monotonic()
    there, answers, wrong = await known(person), set(), []

    async def send(case: Any) -> httpx.Response:
        made = requests.Request(**case.as_transport_kwargs(base_url=f"{person.base_url}/api/v1")).prepare()
        client = machine if case.operation.path.startswith(PLATFORM) else person
        headers = {name: octets(value) for name, value in made.headers.items() if name.lower() != "authorization"}
        return await client.request(made.method or "", made.url or "", content=made.body, headers=headers)

    def tried(operation: Any, mode: GenerationMode) -> None:
        @TRIED
        @given(case=operation.as_strategy(generation_mode=mode), real=some.booleans(), header=some.booleans())
        def one(case: Any, real: bool, header: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
            if real:
                named(case, there, header=header)
            answer = anyio.from_thread.run(send, case)
            answers.add((operation.label, answer.is_success))
            # What was put right may be taken; so may a row that stands alone, or of a batch the rows that are right.
            spoilt = [] if real or case.media_type == LINES else [checks.negative_data_rejection]
            case.validate_response(answer, checks=ASKED + spoilt)

        try:
            one()
        except FailureGroup as found:
            wrong.append(f"{operation.label}: {found}")

    everything = operations((await person.get(DOCUMENT)).json())
    for operation in (each for each in everything if each.method == "get"):
        case = operation.Case()
        named(case, there, header=False)
        answer = await send(case)
        assert answer.status_code == 200, (operation.label, answer.text)
        case.validate_response(answer, checks=ASKED)
    for operation in everything:
        if monotonic() - signed_in > HALF_A_TOKENS_LIFE:
            world.signed.keys.clear()
            person, machine, signed_in = await world.api(PRINCIPAL), await platform(world), monotonic()
        for mode in GenerationMode:
            await anyio.to_thread.run_sync(tried, operation, mode)
    assert not wrong, "\n".join(wrong)
    assert {label for label, _ in answers} == {each.label for each in everything}
