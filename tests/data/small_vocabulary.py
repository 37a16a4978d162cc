"""A vocabulary for the tests of what is done with token ids; the special tokens stand anywhere."""

from keras_bert_cls.text.vocabulary import Vocabulary

LETTERS = "abcdefgh"
VOCABULARY = Vocabulary(
    (
        "[unused1]",
        "[CLS]",
        *LETTERS,
        "[PAD]",
        *(f"##{letter}" for letter in LETTERS),
        "[MASK]",
        *"今天气很好我们去爬山吧新闻标题",
        "[SEP]",
        *".,!?。，",
        "[UNK]",
        "the",
        "movie",
        "play",
        "##ing",
    )
)
SPECIAL_IDS = (
    VOCABULARY.pad_id,
    VOCABULARY.unk_id,
    VOCABULARY.cls_id,
    VOCABULARY.sep_id,
    VOCABULARY.mask_id,
)
