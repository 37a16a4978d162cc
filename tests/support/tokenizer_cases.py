"""Hugging Face tokenizers in every way that their settings are written."""

import json
import pathlib

from random_bert import CASED_TOKENS, write_vocabulary

TEXTS = [
    "The MOVIE was good, playing! 中国电影，国！",
    "Résumé naïve é E résumé RÉSUMÉ",
    "played\u00adplay movie\u3000good\tthe unknownword",
    "",
]

# Name -> (tokenizer_config.json or None, normalizer of tokenizer.json or None, vocab.txt?)
TOKENIZERS = {
    "uncased": ({"do_lower_case": True}, None, True),
    "cased": ({"do_lower_case": False, "tokenizer_class": "BertTokenizer"}, None, True),
    "accents kept": ({"do_lower_case": True, "strip_accents": False}, None, True),
    "accents dropped": ({"do_lower_case": False, "strip_accents": True}, None, True),
    "no word on case": ({"model_max_length": 1000}, {"lowercase": True}, True),
    "tokenizer.json alone": (None, {"lowercase": True}, False),
    "without vocab.txt": ({"do_lower_case": True}, {"lowercase": True}, False),
    "they disagree": ({"do_lower_case": False}, {"lowercase": True}, True),
}


def write_tokenizer(folder: pathlib.Path, name: str) -> pathlib.Path:
    """Writes the files of a tokenizer of CASED_TOKENS."""
    config, normalizer, with_vocabulary = TOKENIZERS[name]
    folder.mkdir(parents=True, exist_ok=True)
    if with_vocabulary:
        write_vocabulary(folder, CASED_TOKENS)
    if config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    if normalizer is not None:
        content = fast_tokenizer(normalizer)
        (folder / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False))
    return folder


def fast_tokenizer(normalizer: dict) -> dict:
    """Returns what a tokenizer.json of a BERT holds."""
    defaults = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": None}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "BertNormalizer", **defaults, "lowercase": True, **normalizer},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {token: index for index, token in enumerate(CASED_TOKENS)},
        },
    }
