"""A server that answers REST calls with what a test wants, and shows the page for people."""

import contextlib
import http.server
import json
import threading

from keras_bert_cls.server.ui.page import CONTENT_TYPE, page


class MadeUpServer(http.server.ThreadingHTTPServer):
    """Answers with what `answers` holds for a path, or calls; `requests` keeps what was asked."""

    def __init__(self, model_names):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model_names = model_names
        self.answers, self.requests = {}, []

    def model(self, path, versions, **signatures):
        """Adds a model's states and signatures; `path` is the name as it stands in paths."""
        self.answers[f"/v1/models/{path}"] = {"model_version_status": versions}
        self.answers[f"/v1/models/{path}/metadata"] = {
            "model_spec": {"name": path, "signature_name": "", "version": versions[0]["version"]},
            "metadata": {"signature_def": {"signature_def": signatures}},
        }


class _Handler(http.server.BaseHTTPRequestHandler):
    server: MadeUpServer

    def do_GET(self):
        if self.path == "/":
            self._send(200, CONTENT_TYPE, page(self.server.model_names))
        else:
            self._answer(None)

    def do_POST(self):
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body):
        self.server.requests.append((self.path, body, self.headers["Authorization"]))
        answer = self.server.answers.get(self.path, {"error": "Not Found"})
        answer = answer(body) if callable(answer) else answer
        status = 400 if "error" in answer else 200
        if answer.get("error") == "authorization":
            status = 401
        self._send(status, "application/json", json.dumps(answer).encode())

    def _send(self, status, content_type, body):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def made_up_server(*model_names):
    with MadeUpServer(model_names) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
