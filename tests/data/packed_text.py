"""Text of rows that can be told apart, and the shards made of it."""

import itertools

import numpy as np
from small_vocabulary import LETTERS, VOCABULARY

from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.data.config import MaskingConfig, PretrainingData
from keras_bert_cls.data.masking import TokenMasker
from keras_bert_cls.data.pack import pack
from keras_bert_cls.data.shard_batches import ShardBatches
from keras_bert_cls.text.tokenizer import Tokenizer

TOKENIZER = Tokenizer(VOCABULARY)
MASKER = TokenMasker(VOCABULARY, MaskingConfig(rate=0.3))
MAX_LENGTH = 28


def write_text(folder, rows, name="a.txt", seed=0):
    """Writes a document of one line for each row: four letters that number it, and some more."""
    generator = np.random.default_rng(seed)
    lines = []
    for code in itertools.islice(itertools.product(LETTERS, repeat=4), rows):
        more = generator.choice([*LETTERS, "the", "movie"], generator.integers(0, 20))
        lines.append(" ".join([*code, *more]))
    path = folder / name
    path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return path


def data_config(*paths, **changes):
    return PretrainingData(files=tuple(map(str, paths)), **{"max_length": MAX_LENGTH, **changes})


def pack_rows(folder, rows, pair_objective="none", **changes):
    """Packs that many rows, ten a shard."""
    folder.mkdir(parents=True, exist_ok=True)
    config = data_config(write_text(folder, rows), pair_objective=pair_objective)
    return pack(folder / "packed", config, TOKENIZER, rows_per_shard=10, **changes)


def shard_batches(packed, pair_objective="none", batch_size=7, **changes):
    config = data_config(pair_objective=pair_objective)
    return ShardBatches(
        packed.folder, TOKENIZER, config, MASKER, batch_size=batch_size, **{"seed": 3, **changes}
    )


def batches_of(source, start, count, shard=None):
    """Returns the numpy batches of `count` steps."""
    dataset = source.dataset(start, shard or Shard()).take(count)
    return list(dataset.as_numpy_iterator())


def unmasked(batch):
    """Returns the token ids before they were masked."""
    token_ids = batch["token_ids"].copy()
    rows, places = np.nonzero(batch["mask_weights"])
    token_ids[rows, batch["mask_positions"][rows, places]] = batch["mask_labels"][rows, places]
    return token_ids


def sequences_of(batch):
    """Returns the real rows of a batch, without padding and masks, as tuples."""
    rows = zip(unmasked(batch), batch["padding_mask"], batch["sample_weight"], strict=True)
    return [tuple(ids[mask > 0].tolist()) for ids, mask, weight in rows if weight > 0]


def assert_same_batches(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.keys() == other.keys()
        for name, value in other.items():
            np.testing.assert_array_equal(one[name], value, err_msg=name)
