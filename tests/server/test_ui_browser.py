"""The page for people in a browser: Chromium without a window, by Debian's chromium-driver.

First on a made-up server that answers what a test wants, hostile words among it; then on ours.
"""

import itertools
import shutil

import numpy as np
import pytest
import tiny_models
import tiny_trained_models
from made_up_rest_server import made_up_server
from page_in_browser import PageInBrowser
from running_server import running_server
from selenium import webdriver

from keras_bert_cls.export.saved_model import export_saved_model
from keras_bert_cls.modeling.decision import Decision

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (BROWSER and DRIVER), reason="needs Debian's packages chromium and chromium-driver"
    ),
]

HOSTILE = "<img src=x onerror='window.hacked=1'></script><script>window.hacked=1</script>"
TEXTS = {"dtype": "DT_STRING", "tensor_shape": {"dim": [{"size": "-1", "name": ""}]}, "name": "x"}
OUTPUTS = {"probabilities": {**TEXTS, "dtype": "DT_FLOAT"}}
SERVING = {"inputs": {"text": TEXTS}, "outputs": OUTPUTS, "method_name": ""}
PAIRS = {**SERVING, "inputs": {"text": TEXTS, "text_pair": TEXTS}}


def version(number, state="AVAILABLE", code="OK", message=""):
    status = {"error_code": code, "error_message": message}
    return {"version": str(number), "state": state, "status": status}


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in (
        "--headless=new",
        "--no-sandbox",  # Chromium refuses to run as root with it, as in containers.
        "--disable-dev-shm-usage",
        "--window-size=1280,900",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def shown(browser):
    """The page; at the end nothing foreign may have run, and nothing gone wrong in the script."""
    yield PageInBrowser(browser)
    assert browser.execute_script("return window.hacked") is None
    assert browser.execute_script("return document.images.length") == 0
    assert browser.execute_script("return document.scripts.length") == 1
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert [entry for entry in errors if entry["source"] != "network"] == []
    browser.get("about:blank")


def test_a_text_its_labels_and_its_tokens(shown, tmp_path):
    with made_up_server("news") as server:
        signatures = {"classify": SERVING, "tokenize": SERVING, "serving_default": SERVING}
        server.model("news", [version(2), version(1)], **signatures)
        server.answers["/v1/models/news:classify"] = {
            "results": [[["体育", 0.061], ["财经", 0.902], ["科技", 0.037]]]
        }
        tokens = ["[CLS]", "今", "天", "股", "市", "[UNK]", "##ing", "[SEP]"]
        server.answers["/v1/models/news:predict"] = {
            "predictions": [{"tokens": [*tokens, "", ""], "token_ids": [*range(100, 108), 0, 0]}]
        }
        shown.open(f"127.0.0.1:{server.server_port}")
        shown.type("今天股市 𠮷ing")
        shown.wait_for("#tokens li", tokens)
        assert shown.texts("#answer .label") == ["财经", "体育", "科技"]
        assert shown.texts("#answer .number") == ["90.2 %", "6.1 %", "3.7 %"]
        assert shown.texts("#token-count") == ["8, 1 unknown"]
        assert shown.texts("#tokens .unknown") == ["[UNK]"]
        assert shown.texts("#tokens .special") == ["[CLS]", "[SEP]"]
        assert shown.find("#tokens li")[1].get_attribute("title") == "id 101"
        widths = [bar.rect["width"] for bar in shown.find("#answer .bar")]
        assert widths[0] > widths[1] > widths[2] > 0
        assert shown.texts("#version option") == ["newest", "2", "1"]
        assert shown.texts("#versions td:first-child") == ["2", "1"]
        assert shown.texts("#task") == ["classification · version 2"]
        example = {"signature_name": "classify", "examples": [{"text": "今天股市 𠮷ing"}]}
        assert ("/v1/models/news:classify", example, None) in server.requests
        picture = tmp_path / "page.png"
        assert shown.browser.save_screenshot(str(picture))
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_everything_is_shown_as_text(shown):
    with made_up_server(HOSTILE, "other") as server:
        path = server_path(HOSTILE)
        failed = version(9, "END", "UNKNOWN", HOSTILE)
        server.model(path, [version(3), failed], classify=SERVING, tokenize=SERVING)
        server.answers[f"/v1/models/{path}:classify"] = {"results": [[[HOSTILE, 0.5]]]}
        server.answers[f"/v1/models/{path}:predict"] = {
            "predictions": [{"tokens": [HOSTILE], "token_ids": [HOSTILE]}]
        }
        shown.open(f"127.0.0.1:{server.server_port}")
        shown.type(HOSTILE)
        shown.wait_for("#tokens li", [HOSTILE])
        assert shown.texts("#answer .label") == [HOSTILE]
        assert shown.texts("#model option") == [HOSTILE, "other"]
        assert shown.texts("#versions .hint") == ["", HOSTILE]
        server.answers[f"/v1/models/{path}:classify"] = {"error": HOSTILE}
        shown.type("again")
        shown.wait_for("#problem", [HOSTILE])
        assert shown.visible("#problem")


def server_path(name):
    return name.translate({ord(c): f"%{ord(c):02X}" for c in "<> =/"})


def test_pairs_show_where_the_second_text_begins(shown):
    with made_up_server("pairs") as server:
        server.model("pairs", [version(1)], classify=SERVING, serving_default=PAIRS, tokenize=PAIRS)
        server.answers["/v1/models/pairs:classify"] = lambda body: {
            "results": [[["longer", len(body["examples"][0]["text_pair"]) / 10]]]
        }
        tokens = ["[CLS]", "a", "[SEP]", "b", "b", "[SEP]"]
        row = {"tokens": tokens, "token_ids": list(range(6))}
        server.answers["/v1/models/pairs:predict"] = {"predictions": [row]}
        shown.open(f"127.0.0.1:{server.server_port}")
        shown.wait_for("#task", ["classification · version 1"])
        assert shown.visible("#text-pair")
        shown.type("a")
        shown.type("bb", "#text-pair")
        shown.wait_for("#answer .number", ["20.0 %"])
        assert shown.texts("#tokens .second") == ["b", "b"]
        assert shown.texts("#tokens .special") == ["[CLS]", "[SEP]", "[SEP]"]


def serving_of(labels, **outputs):
    sizes = [{"size": "-1", "name": ""}, {"size": str(labels), "name": ""}]
    probabilities = {**TEXTS, "tensor_shape": {"dim": sizes}}
    return {**SERVING, "outputs": {"probabilities": probabilities, **outputs}}


def test_an_unknown_answer(shown):
    with made_up_server("intents") as server:
        server.model("intents", [version(1)], classify=SERVING, serving_default=serving_of(2))
        server.answers["/v1/models/intents:classify"] = lambda body: {
            "results": [
                [["pay", 0.3], ["call", 0.7], [HOSTILE, float("?" in body["examples"][0]["text"])]]
            ]
        }
        shown.open(f"127.0.0.1:{server.server_port}")
        shown.type("call home")
        shown.wait_for("#answer .best .label", ["call"])
        assert shown.texts("#answer .rejected") == []
        shown.type("?")
        shown.wait_for("#answer .rejected", [HOSTILE])
        assert shown.texts("#answer .label") == ["call", "pay"]
        assert shown.texts("#answer .best") == []


def test_the_labels_that_reach_their_thresholds(shown):
    with made_up_server("mood") as server:
        serving = serving_of(3, selected=TEXTS)
        server.model("mood", [version(1)], classify=SERVING, serving_default=serving)
        server.answers["/v1/models/mood:classify"] = {
            "results": [[["joy", 0.2], ["fear", 0.6], ["awe", 0.3]]]
        }
        server.answers["/v1/models/mood:predict"] = lambda body: {
            "predictions": [
                {"selected": [word in body["instances"][0]["text"] for word in ("joy", "_", "awe")]}
            ]
        }
        shown.open(f"127.0.0.1:{server.server_port}")
        shown.type("joy and awe")
        shown.wait_for("#answer .best .label", ["awe", "joy"])
        assert shown.texts("#answer .label") == ["awe", "joy", "fear"]
        shown.type("nothing")
        shown.wait_for("#answer .rejected", ["no label reaches its threshold"])
        assert shown.texts("#answer .label") == ["fear", "awe", "joy"]


def test_other_tasks(shown):
    with made_up_server("value", "mask", "any") as server:
        server.model("value", [version(1)], regress=SERVING, serving_default=SERVING)
        server.answers["/v1/models/value:regress"] = {"results": [3.14159]}
        server.model("mask", [version(1)], fill_mask=SERVING, serving_default=SERVING)
        answer = {"sequence": "好的", "tokens": [["的", "了"]], "scores": [[0.75, 0.25]]}
        server.answers["/v1/models/mask:predict"] = {"predictions": [answer]}
        server.model("any", [version(1)], serving_default=SERVING)
        server.answers["/v1/models/any:predict"] = {"predictions": [[1, 2]]}
        shown.open(f"127.0.0.1:{server.server_port}")
        shown.type("好[MASK]")
        shown.wait_for("#answer .value", ["3.142"])
        assert shown.visible("#no-tokens")
        shown.choose("#model", "mask")
        shown.wait_for("#answer .sequence", ["好的"])
        assert shown.texts("#answer .label") == ["的", "了"]
        shown.choose("#model", "any")
        shown.wait_for("#answer pre", ["[\n  1,\n  2\n]"])


def test_a_secret_is_asked_for_when_the_server_wants_one(shown):
    with made_up_server("news") as server:
        server.answers["/v1/models/news"] = {"error": "authorization"}
        shown.open(f"127.0.0.1:{server.server_port}")
        shown.wait_for("#no-versions", ["authorization"])
        server.model("news", [version(1)], classify=SERVING)
        shown.type("the secret\t", "#token")
        shown.wait_for("#task", ["classification · version 1"])
        assert server.requests[-1][2] == "Bearer the secret"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_colour_schemes(shown, scheme):
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    shown.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    with made_up_server("news") as server:
        shown.open(f"127.0.0.1:{server.server_port}")
        style = "return getComputedStyle(document.body)[arguments[0]].match(/\\d+/g).map(Number)"
        paper, ink = (
            sum(shown.browser.execute_script(style, name)) for name in ("backgroundColor", "color")
        )
    assert (paper > ink) == (scheme == "light")
    assert abs(paper - ink) > 400


def test_a_new_version_of_our_server_appears_by_itself(shown, tmp_path):
    tiny_models.write_classifier(tmp_path / "1")
    with running_server(tmp_path, rest_api_port=-1) as server:
        shown.open(server.rest_address)
        shown.type("好")
        shown.wait_for("#task", ["classification · version 1"])
        shown.wait_for("#answer .number", percents(tiny_models.expected_scores("好")))
        tiny_models.write_classifier(tmp_path / "unfinished", shift=4.0)
        (tmp_path / "unfinished").rename(tmp_path / "2")
        shown.wait_for("#task", ["classification · version 2"])
        shown.wait_for("#answer .number", percents(tiny_models.expected_scores("好", 4.0)))
        assert "2" in shown.texts("#version option")


@pytest.mark.parametrize(
    ("task", "text_pair"),
    [
        ("single_label", False),
        ("single_label", True),
        ("multi_label", False),
        ("regression", True),
        ("masked_lm", False),
    ],
)
def test_exports_on_our_server(shown, tmp_path, task, text_pair):
    trained = tiny_trained_models.make_trained_model(task, text_pair=text_pair)
    export_saved_model(trained, tmp_path, warmup=False)
    with running_server(tmp_path, rest_api_port=-1) as server:
        shown.open(server.rest_address)
        shown.wait_for("#versions td:first-child", ["1"])
        texts = ["The movie was good 好看！"]
        if task == "masked_lm":
            shown.type("The movie was [MASK]")
            shown.wait_for("#answer .mask", ["[MASK] 1"])
            assert len(shown.texts("#answer .label")) == 5
            shown.wait_for("#tokens li", ["[CLS]", "the", "movie", "was", "[MASK]", "[SEP]"])
            return
        shown.type(texts[0])
        if text_pair:
            texts.append("很差")
            shown.type(texts[1], "#text-pair")
        segments = [[*trained.tokenizer.tokens_of(text), "[SEP]"] for text in texts]
        shown.wait_for("#tokens li", ["[CLS]", *itertools.chain(*segments)])
        assert not shown.visible("#no-tokens")
        assert len(shown.texts("#tokens .second")) == (2 if text_pair else 0)
        logits = tiny_trained_models.logits_of(trained, *([text] for text in texts))[0]
        if task == "regression":
            shown.wait_for("#answer .value", [f"{logits[0]:.4g}"])
            return
        is_single = task == "single_label"
        scores = tiny_trained_models.softmax(logits) if is_single else 1 / (1 + np.exp(-logits))
        shown.wait_for("#answer .number", percents(scores))
        best = tiny_trained_models.LABELS[int(np.argmax(scores))]
        assert shown.texts("#answer .best .label") == [best]


@pytest.mark.parametrize("task", ["single_label", "multi_label"])
def test_calibrated_exports_on_our_server(shown, tmp_path, task):
    trained = tiny_trained_models.make_trained_model(task)
    labels, single = tiny_trained_models.LABELS, task == "single_label"
    thresholds = dict.fromkeys(labels, 1.0)
    trained.decision = Decision(2.0, thresholds, "unknown" if single else None)
    export_saved_model(trained, tmp_path, warmup=False)
    with running_server(tmp_path, rest_api_port=-1) as server:
        shown.open(server.rest_address)
        shown.type("good")
        expected = "unknown" if single else "no label reaches its threshold"
        shown.wait_for("#answer .rejected", [expected])
        logits = tiny_trained_models.logits_of(trained, ["good"])
        scores = trained.decision.probabilities(task, logits)[0]
        assert shown.texts("#answer .number") == percents(scores)


def percents(scores):
    return [f"{100 * score:.1f} %" for score in sorted(scores, reverse=True)]
