"""What users write around a model: an HTTP server, and a gRPC server."""

import http.server
import json
import threading
from collections.abc import Callable
from concurrent import futures

Classify = Callable[[list[str]], tuple[list[str], object]]


def start_http(classify: Classify) -> int:
    """Starts a server with a thread a connection; POST {"text": …} gives {"label": …}."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # Else the body waits 40 ms for the header's receipt.

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            labels, _ = classify([body["text"]])
            answer = json.dumps({"label": labels[0]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 128  # The library's 5 would reset connections of many clients.

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


_servers = []


def start_grpc(classify: Classify) -> int:
    """Starts a gRPC server; the call /peer/Classify takes a text and gives a label, in UTF-8."""
    import grpc

    def answer(text: bytes, _) -> bytes:
        return classify([text.decode()])[0][0].encode()

    server = grpc.server(futures.ThreadPoolExecutor(64))
    handlers = {"Classify": grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("peer", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    _servers.append(server)  # which stops when nobody holds it
    return port
