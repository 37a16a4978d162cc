"""The tokenizer of a Hugging Face folder, with the settings that transformers would give it."""

import pathlib

from keras_bert_cls.checkpoints.json_config import JsonConfig
from keras_bert_cls.checkpoints.source_vocabulary import fit_vocabulary, has_capitals
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import SUFFIX_INDICATOR, UNK, Vocabulary

VOCABULARY_FILE = "vocab.txt"
CONFIG_FILE = "tokenizer_config.json"
FAST_FILE = "tokenizer.json"

_CLASSES = ("BertTokenizer", "BertTokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend")


def read_tokenizer(folder: pathlib.Path, rows: int, lowercase: bool | None = None) -> Tokenizer:
    """Reads vocab.txt or tokenizer.json, and tokenizer_config.json.

    Args:
      folder: the model's folder.
      rows: of the token embedding.
      lowercase: overrules the folder's setting; accents are then dropped as it says.

    Raises:
      UserError: there is no vocabulary, or the tokenizer is not BERT's.
    """
    fast = JsonConfig(folder / FAST_FILE) if (folder / FAST_FILE).is_file() else None
    config = JsonConfig(folder / CONFIG_FILE) if (folder / CONFIG_FILE).is_file() else None
    if fast is not None:
        _check_fast(fast)
    if config is not None:
        _check_config(config)
    vocabulary = _vocabulary(folder, fast, rows)
    if lowercase is not None:
        return Tokenizer(vocabulary, lowercase)
    strip_accents = config.get("strip_accents", bool) if config is not None else None
    if config is not None and "do_lower_case" in config:
        return Tokenizer(vocabulary, config.get("do_lower_case", bool), strip_accents)
    _check_default_case(folder, fast, vocabulary, strip_accents)
    return Tokenizer(vocabulary, True, strip_accents)


def read_max_length(folder: pathlib.Path, positions: int) -> int:
    """Returns how many tokens a text may have: the tokenizer's limit, and the model's."""
    path = folder / CONFIG_FILE
    limit = JsonConfig(path).content.get("model_max_length") if path.is_file() else None
    # Tokenizers without a limit say 1e30.
    return min(positions, limit) if isinstance(limit, int) and limit > 0 else positions


def _check_default_case(
    folder: pathlib.Path,
    fast: JsonConfig | None,
    vocabulary: Vocabulary,
    strip_accents: bool | None,
) -> None:
    """Refuses folders that transformers lower-cases by default, though all else speaks against."""
    if fast is not None:
        normalizer = fast.nested("normalizer")
        says_cased = not normalizer.get("lowercase", bool, True)
        agrees = not says_cased and normalizer.get("strip_accents", bool) == strip_accents
    else:
        agrees = not has_capitals(vocabulary)
    if not agrees:
        what = FAST_FILE if fast is not None else "the vocabulary, which has words in capitals,"
        raise UserError(
            f"{folder}: {CONFIG_FILE} does not say do_lower_case, so that transformers puts text "
            f"in lower case, but {what} is another model's. Say which with --lowercase or "
            "--nolowercase (lowercase=True or False), or write do_lower_case into the file."
        )


def _check_config(config: JsonConfig) -> None:
    kind = config.get("tokenizer_class", str, _CLASSES[0])
    if kind not in _CLASSES:
        raise UserError(f"{config.path}: expected BERT's tokenizer, got tokenizer_class {kind!r}")
    for field in ("do_basic_tokenize", "tokenize_chinese_chars"):
        if not config.get(field, bool, True):
            raise UserError(
                f"{config.path}: {field} is false, but BERT's tokenizer splits words and Chinese "
                "characters apart always; ids would not be those that the model was trained with."
            )


def _check_fast(fast: JsonConfig) -> None:
    model = fast.nested("model")
    expected: dict[str, tuple[object, object]] = {
        "model.type": (model.get("type", str, "WordPiece"), "WordPiece"),
        "model.unk_token": (model.get("unk_token", str, UNK), UNK),
        "model.continuing_subword_prefix": (
            model.get("continuing_subword_prefix", str, SUFFIX_INDICATOR),
            SUFFIX_INDICATOR,
        ),
    }
    if "normalizer" in fast:
        normalizer = fast.nested("normalizer")
        expected |= {
            "normalizer.type": (normalizer.get("type", str), "BertNormalizer"),
            "normalizer.clean_text": (normalizer.get("clean_text", bool, True), True),
            "normalizer.handle_chinese_chars": (
                normalizer.get("handle_chinese_chars", bool, True),
                True,
            ),
        }
    else:
        expected["normalizer"] = (None, "BertNormalizer")
    wrong = [
        f"{field} is {found!r} instead of {wanted!r}"
        for field, (found, wanted) in expected.items()
        if found != wanted
    ]
    if wrong:
        raise UserError(f"{fast.path}: expected BERT's tokenizer, but {', '.join(wrong)}")


def _vocabulary(folder: pathlib.Path, fast: JsonConfig | None, rows: int) -> Vocabulary:
    path = folder / VOCABULARY_FILE
    if path.is_file():
        return fit_vocabulary(Vocabulary.from_file(path).tokens, rows, path)
    if fast is None:
        raise UserError(
            f"{folder} holds neither {VOCABULARY_FILE} nor {FAST_FILE}: put the vocabulary that "
            "belongs to the weights there."
        )
    ids = fast.nested("model").nested("vocab").content
    token_of = {token_id: token for token, token_id in ids.items()}
    tokens = [token_of[token_id] for token_id in range(len(ids)) if token_id in token_of]
    if len(tokens) != len(ids):
        raise UserError(f"{fast.path}: the ids of model.vocab are not 0, 1, 2, … without a gap")
    return fit_vocabulary(tokens, rows, fast.path)
