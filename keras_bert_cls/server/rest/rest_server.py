"""The HTTP face of the server: the REST API, Prometheus' metrics, and pages."""

import asyncio
import json
import logging
import time

import grpc
from aiohttp import web

from keras_bert_cls.errors import UserError
from keras_bert_cls.server.address import host_and_port
from keras_bert_cls.server.api import Api
from keras_bert_cls.server.monitoring.exposition import CONTENT_TYPE
from keras_bert_cls.server.monitoring.metrics import ServerMetrics
from keras_bert_cls.server.options import ServerOptions
from keras_bert_cls.server.rest.body import read_body
from keras_bert_cls.server.rest.calls import RestCalls
from keras_bert_cls.server.rest.http_errors import HttpError, http_status
from keras_bert_cls.server.rest.pages import PAGES
from keras_bert_cls.server.rest.paths import parse_path
from keras_bert_cls.server.security import BearerToken, TlsIdentity
from keras_bert_cls.server.status_errors import ServingError

_logger = logging.getLogger(__name__)
# What clients break below our handler, such as a body's framing, is no news for the log.
_http_logger = logging.getLogger(f"{__name__}.http")
_http_logger.setLevel(logging.CRITICAL)

_INFERENCES = {"predict": "Predict", "classify": "Classify", "regress": "Regress"}
_API_PREFIX = "/v1/"
_LARGEST_LINGERING_SECONDS = 10.0
_SERVER = "bertcls-serve"
_CORS_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}


class RestServer:
    """Listens on a port and hands requests to an Api, in the event loop that it is made in.

    Args:
      api: what answers.
      metrics: are told of every answer, and shown.
      metrics_path: where metrics are shown; None shows none.
      options: host, port and limits.
      tls: how to encrypt, if at all.
      token: what requests must bring, if anything.
    """

    def __init__(
        self,
        api: Api,
        metrics: ServerMetrics,
        metrics_path: str | None,
        options: ServerOptions,
        tls: TlsIdentity | None,
        token: BearerToken | None,
    ):
        self._api = api
        self._calls = RestCalls(api)
        self._metrics = metrics
        self._metrics_path = metrics_path
        self._options = options
        self._tls = tls
        self._token = token
        self._pages = PAGES if options.ui else {}
        self._places = asyncio.Semaphore(options.rest_api_num_threads)
        self._seconds = options.rest_api_timeout_in_ms / 1000
        application = web.Application(client_max_size=options.max_message_bytes)
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handle_signals=False,
            handler_cancellation=True,
            keepalive_timeout=options.rest_api_idle_seconds,
            # Time for the rest of a body that was answered before it ended; none is cut off at
            # once, for its client might not see the answer then.
            lingering_time=min(self._seconds, _LARGEST_LINGERING_SECONDS),
            shutdown_timeout=options.drain_seconds,
            auto_decompress=False,
            logger=_http_logger,
        )

    async def start(self) -> str:
        """Starts to listen, and returns "host:port".

        Raises:
          UserError: the port is taken, or the address is not this machine's.
        """
        await self._runner.setup()
        host, port = self._options.host, max(0, self._options.rest_api_port)
        context = self._tls.ssl_context() if self._tls else None
        try:
            await web.TCPSite(self._runner, host, port, ssl_context=context).start()
        except OSError as error:
            raise UserError(
                f"cannot listen on {host_and_port(host, port)}: {error.strerror}. Choose another "
                "--rest_api_port, or --rest_api_port=-1 for any free one."
            ) from error
        return host_and_port(host, self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Refuses new connections at once and gives requests under way their time to end."""
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        path = request.raw_path.partition("?")[0]
        cors = self._options.rest_api_enable_cors_support
        if cors and request.method == "OPTIONS":
            response = web.Response()
        elif path in self._pages and request.method in ("GET", "HEAD"):
            body = self._pages[path].body_for(self._api.model_names)
            content_type = {"Content-Type": self._pages[path].content_type}
            response = web.Response(body=body, headers=content_type)
        elif self._token and not self._token.accepts(request.headers.get("Authorization")):
            response = _error(401, "The request's authorization is missing or wrong")
            response.headers["WWW-Authenticate"] = "Bearer"
        elif path.lower().startswith(_API_PREFIX):
            response = await self._answer_api(request, path)
        elif path == self._metrics_path and request.method == "GET":
            content_type = {"Content-Type": CONTENT_TYPE}
            response = web.Response(body=self._metrics.page(), headers=content_type)
        else:
            response = _error(404, "Not Found")
        if cors:
            response.headers.update(_CORS_HEADERS)
        response.headers["Server"] = _SERVER  # Versions are nobody's business.
        return response

    async def _answer_api(self, request: web.Request, path: str) -> web.Response:
        start = time.monotonic()
        model = api = ""
        code, status = grpc.StatusCode.INTERNAL, 500
        message = "Internal error; the server's log says more."
        try:
            call = parse_path(request.method, path)
            model, api = call.spec.name, _INFERENCES.get(call.action, "")
            async with asyncio.timeout(self._seconds), self._places:
                body = await read_body(request, self._options.max_message_bytes)
                answer = await self._calls.answer(call, body, start + self._seconds)
            code = grpc.StatusCode.OK
            return _json(200, answer)
        except ServingError as error:
            code, status, message = error.code, http_status(error.code), error.message
        except TimeoutError:
            code, status, message = grpc.StatusCode.DEADLINE_EXCEEDED, 504, "Deadline Exceeded"
        except HttpError as error:
            code, status = grpc.StatusCode.INVALID_ARGUMENT, error.status
            message = error.message
        except asyncio.CancelledError:  # The client went away.
            code = grpc.StatusCode.CANCELLED
            raise
        except Exception:
            _logger.exception("a request failed unexpectedly")
        finally:
            if api:
                seconds = time.monotonic() - start
                self._metrics.request_answered(model, api, "REST", code, seconds)
        return _error(status, message)


def _json(status: int, text: str) -> web.Response:
    return web.Response(
        status=status,
        body=text.encode("utf-8", "replace"),
        headers={"Content-Type": "application/json"},
    )


def _error(status: int, message: str) -> web.Response:
    return _json(status, json.dumps({"error": message}, ensure_ascii=False))
