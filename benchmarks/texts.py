"""The texts that benchmarks run on: rows of the data sets, or of the demo's corpus."""

import dataclasses
import lzma
import pathlib

from benchmarks.demo_runs import CORPUS, learn_vocabulary

_ZH, _EN = "bert-base-chinese-vocab.txt", "bert-base-uncased-vocab.txt"
_SETS = {
    "short zh (THUCNews titles)": ("thucnews_titles/test.txt.xz", 0, _ZH),
    "long zh (ChnSentiCorp)": ("chnsenticorp/test.tsv.xz", 1, _ZH),
    "en (SST-2)": ("sst2/train.tsv.xz", 0, _EN),
    "long zh (news items)": ("pretrain_zh_news/xinwenlianbo.txt.xz", 0, _ZH),
    "long en (Simple Wikipedia)": ("pretrain_en_wiki/simplewiki_part.txt.xz", 0, _EN),
}
SENTENCES = tuple(_SETS)[:3]


@dataclasses.dataclass(frozen=True)
class Texts:
    """Some rows.

    Attributes:
      name: of the set.
      rows: the texts, in the file's order.
      vocabulary: a file.
    """

    name: str
    rows: list[str]
    vocabulary: pathlib.Path


def load_texts(
    source: pathlib.Path | None, scratch: pathlib.Path, rows: int, names: tuple[str, ...] = ()
) -> list[Texts]:
    """Returns the sets that there are.

    Args:
      source: the folder of the data sets; None takes the demo's corpus, with a vocabulary that is
        learned from it.
      scratch: a folder for that vocabulary.
      rows: the first rows of each set.
      names: of the data sets; all by default.
    """
    if source is None:
        vocabulary = demo_vocabulary(scratch)
        corpus = pathlib.Path("demo/corpus")
        return [Texts(name, _column(corpus / name, 0)[:rows], vocabulary) for name in CORPUS]
    return [
        Texts(name, _column(source / file, column)[:rows], source / "vocab" / vocabulary)
        for name, (file, column, vocabulary) in _SETS.items()
        if name in (names or _SETS)
    ]


def demo_vocabulary(scratch: pathlib.Path) -> pathlib.Path:
    """Returns a vocabulary that is learned from the demo's corpus, in a folder."""
    vocabulary = scratch / "vocab.txt"
    if not vocabulary.exists():
        learn_vocabulary(vocabulary)
    return vocabulary


def _column(path: pathlib.Path, column: int) -> list[str]:
    content = path.read_bytes()
    text = (lzma.decompress(content) if path.suffix == ".xz" else content).decode("utf-8", "ignore")
    fields = (line.split("\t") for line in text.split("\n"))
    rows = (field[column].strip() for field in fields if len(field) > column)
    return [row for row in rows if row]
