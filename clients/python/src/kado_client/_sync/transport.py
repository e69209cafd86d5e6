# Written by scripts/client.py (make format) from _async/transport.py. Change that instead.

"""Sends calls, and sends them again where that is safe."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import httpx

from kado_client.call import Answer, Call
from kado_client.errors import UnexpectedAnswer
from kado_client.retries import Attempts, Retries
from kado_client.signing import Signer
from kado_client.version import __version__

T = TypeVar("T")

USER_AGENT: Final = f"kado-client/{__version__}"


@dataclass(frozen=True)
class Transport:
    """One server, as one caller, over a pool of connections."""

    http: httpx.Client = field(repr=False)
    url: str
    retries: Retries
    headers: Mapping[str, str] = field(repr=False)
    signer: Signer | None = None

    def send(self, call: Call[T]) -> T:
        """What the call answers, after as many tries as it takes within the deadline. Raises `KadoError`."""
        attempts = Attempts(self.retries, call)
        while True:
            try:
                answer = self._try(call, attempts)
            except httpx.RequestError as error:
                time.sleep(attempts.after_failure(error))
                continue
            wait = attempts.after_answer(answer)
            if wait is None:
                return _read(call, answer)
            time.sleep(wait)

    def _try(self, call: Call[T], attempts: Attempts) -> Answer:
        request = self.http.build_request(
            call.method,
            f"{self.url}/{call.path}",
            params=call.query or None,
            content=call.content or None,
            headers=self._headers_of(call),
            timeout=attempts.begin(),
        )
        if self.signer is not None:
            # Signed anew for each try: a signature is good for five minutes only.
            path = request.url.raw_path.partition(b"?")[0].decode("ascii")
            request.headers["X-Kado-Signature"] = self.signer.header(call.method, path, call.content)
        response = self.http.send(request, stream=True, follow_redirects=False)
        try:
            content = bytearray()
            for chunk in response.iter_bytes():
                content += chunk
                if attempts.seconds_left < 0:
                    # A server that trickles never lets a single read time out.
                    raise httpx.ReadTimeout("the answer was not complete before the deadline", request=request)
        finally:
            response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, bytes(content))

    def _headers_of(self, call: Call[T]) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": USER_AGENT, **self.headers, **call.headers}
        if call.content:
            headers["Content-Type"] = call.content_type
        if call.key is not None:
            headers["Idempotency-Key"] = call.key
        return headers


def _read(call: Call[T], answer: Answer) -> T:
    try:
        return call.read(answer)
    except UnexpectedAnswer as error:
        error.idempotency_key = call.key
        raise
