"""An app that reads a request and answers with fixed bytes: what the load generator can do at most."""

import socket

import uvicorn
from starlette.types import Receive, Scope, Send

_BODY = b'{"transactionId":"000000000000000000000000","giftCardId":"000000000000000000000000","amountRedeemed":"0.01"}'
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())]


async def app(_: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})


if __name__ == "__main__":
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", lifespan="off", log_level="warning", access_log=False, backlog=2048
    )
    uvicorn.Server(config).run(sockets=[listening])
