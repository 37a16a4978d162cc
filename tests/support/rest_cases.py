"""Requests that the REST API refuses, and how: TensorFlow Serving's statuses and messages."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class RestRefusal:
    """A request and the answer to it.

    Attributes:
      method, path, body: of the request; the path stands behind /v1/models.
      status: of the answer.
      error: what the answer's error says.
      error_is_ours: whether TensorFlow Serving is only known to answer with the same status.
    """

    method: str
    path: str
    body: str
    status: int
    error: str
    error_is_ours: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.body[:30]}"


def _predict(body: str, error: str, error_is_ours: bool = False) -> RestRefusal:
    return RestRefusal("POST", "/tiny:predict", body, 400, error, error_is_ours)


def _classify(body: str, error: str) -> RestRefusal:
    return RestRefusal("POST", "/tiny:classify", body, 400, error)


_ELEMENT = "Failed to process element: {} of 'instances' list. Error: INVALID_ARGUMENT: "

REST_REFUSALS = [
    RestRefusal("GET", "", "", 400, "Missing model name in request."),
    RestRefusal("GET", "/m", "", 404, "Could not find any versions of model m"),
    RestRefusal("GET", "/tiny/versions/7", "", 404, "Could not find version 7 of model tiny"),
    RestRefusal(
        "GET",
        "/tiny/versions/99999999999999999999",
        "",
        400,
        "Failed to convert version: 99999999999999999999 to numeric.",
    ),
    RestRefusal("GET", "/m/metadata", "", 404, "Servable not found for request: Latest(m)"),
    RestRefusal("GET", "/tiny/x/y", "", 400, "Malformed request: GET /v1/models/tiny/x/y"),
    RestRefusal("POST", "/tiny", "", 400, "Malformed request: POST /v1/models/tiny"),
    RestRefusal(
        "POST", "/tiny:divine", "{}", 400, "Malformed request: POST /v1/models/tiny:divine"
    ),
    RestRefusal("GET", "/tiny:predict", "", 400, "Malformed request: GET /v1/models/tiny:predict"),
    RestRefusal(
        "POST",
        "/tiny/labels/x:predict",
        '{"instances": ["a"]}',
        400,
        "Unrecognized servable version label: x",
    ),
    RestRefusal(
        "POST",
        "/tiny/versions/7:predict",
        '{"instances": ["a"]}',
        404,
        "Servable not found for request: Specific(tiny, 7)",
    ),
    _predict("", "JSON Parse error: The document is empty"),
    _predict('{"instances": [1, }', "JSON Parse error: Invalid value. at offset: 18"),
    _predict('{"instances" 1}', "JSON Parse error: ", error_is_ours=True),
    _predict("[" * 100_000, "JSON Parse error: The document is nested too deeply.", True),
    _predict("[1]", "JSON Value: [\n    1\n] Is not object"),
    _predict("{}", "Missing 'inputs' or 'instances' key"),
    _predict(
        '{"signature_name": 100}',
        'JSON Value: {\n    "signature_name": 100\n} not formatted correctly. '
        "'signature_name' key must be a string value.",
    ),
    _predict(
        '{"signature_name": "x", "instances": ["a"]}',
        'Serving signature name: "x" not found in signature def',
    ),
    _predict(
        '{"instances": 1, "inputs": 2}',
        'JSON Value: {\n    "instances": 1,\n    "inputs": 2\n}'
        " Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
    ),
    _predict(
        '{"instances": {}}',
        "JSON Value: {\n    \"instances\": {}\n} Excepting 'instances' to be an list/array",
    ),
    _predict(
        '{"instances": []}',
        "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array",
    ),
    _predict(
        '{"instances": [1]}',
        _ELEMENT.format(0) + "JSON Value: 1 Type: Number is not of expected type: string",
    ),
    _predict('{"instances": ["a", ["b"]]}', _ELEMENT.format(1) + "Expecting shape [] but got: [1]"),
    _predict(
        '{"instances": [["a", "b"], ["b"]]}',
        _ELEMENT.format(1) + "Expecting tensor size: 2 but got: 1",
    ),
    _predict(
        '{"instances": ["a", {"text": "b"}]}',
        "Expecting value/list but got object at item 1 of input list",
    ),
    _predict(
        '{"instances": [{"text": "b"}, "a"]}',
        "Expecting object but got list at item 1 of input list",
    ),
    _predict(
        '{"instances": [{"txt": "b"}]}',
        "Failed to process element: 0 key: txt of 'instances' list. Error: INVALID_ARGUMENT: "
        "JSON object: does not have named input: txt",
    ),
    _predict('{"instances": [{"b64": "*"}]}', _ELEMENT.format(0) + "Unable to base64 decode"),
    _predict(
        '{"instances": [{"text\\udc82": "b"}]}',
        "Failed to process element: 0 key: text? of 'instances' list.",
        error_is_ours=True,
    ),
    _predict(
        '{"signature_name": "pair", "instances": ["a"]}',
        "instances is a plain list, but expecting list of objects as multiple input tensors "
        "required as per tensorinfo_map",
    ),
    _predict(
        '{"signature_name": "pair", "instances": [{"text": "a"}]}',
        "Failed to process element: 0 of 'instances' list. JSON object: {\n"
        '    "text": "a"\n} must only have keys: text,text_pair',
    ),
    _predict(
        '{"signature_name": "pair", "inputs": ["a"]}',
        "inputs is a plain value/list, but expecting an object as multiple input tensors "
        "required as per tensorinfo_map",
    ),
    _predict(
        '{"signature_name": "pair", "inputs": {"text": ["a"]}}',
        "Missing named input: text_pair in 'inputs' object.",
    ),
    _predict(
        '{"inputs": [["a", "b"], "c"]}',
        'JSON Value: "c" found at incorrect level: 2 in the JSON DOM. Expected at level: 2',
    ),
    _predict('{"inputs": ["a", ["b"]]}', "Encountered list at unexpected level: 1 expected < 1"),
    _predict(
        '{"inputs": [["a"], ["b", "c"]]}',
        "Encountered list at unexpected size: 2 at level: 1 expected size: 1",
    ),
    _predict(
        '{"signature_name": "tokens", "inputs": [[1.5]]}',
        "JSON Value: 1.5 Type: Number is not of expected type: int32",
    ),
    _predict(
        '{"signature_name": "tokens", "inputs": [[2147483648]]}',
        "JSON Value: 2147483648 Type: Number is not of expected type: int32",
    ),
    _predict(
        '{"inputs": "a scalar"}',
        "Shape of tensor text [] is not compatible with expected shape [?].",
        error_is_ours=True,
    ),
    _classify(
        "{}",
        "JSON Value: {} When method is classify, key 'examples' is expected and was not found",
    ),
    _classify(
        '{"examples": 1}',
        "JSON Value: {\n    \"examples\": 1\n} Expecting 'examples' value to be an list/array",
    ),
    _classify(
        '{"examples": []}',
        "JSON Value: {\n    \"examples\": []\n} 'examples' value is an empty array",
    ),
    _classify('{"examples": [1]}', "Example must be JSON object but got JSON Number"),
    _classify(
        '{"examples": [{"text": null}]}',
        "Feature: text has element with unexpected JSON type: Null",
    ),
    _classify(
        '{"examples": [{"text": [["a"]]}]}',
        "Feature: text has element with unexpected JSON type: Array",
    ),
    _classify(
        '{"examples": [{"text": ["a", 1]}]}',
        "Unexpected element type in feature: text expecting type: bytes",
    ),
    _classify(
        '{"examples": [{"text": 18446744073709551615}]}',
        "Feature: text has uint64 element. Only int64 is supported.",
    ),
    _classify(
        '{"examples": [{"text": 1e300}]}',
        "Cannot convert JSON value: 1e+300 to float without loss of precision.",
    ),
    _classify(
        '{"signature_name": "x", "examples": [{"text": "a"}]}',
        "No signature was found with the name: x",
    ),
]
