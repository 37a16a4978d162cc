"""Labelled files for checks: written by the tests, with their configs."""

from keras_bert_cls.data.config import ClassificationData

WORDS = ("plain", "film", "story", "actor", "scene", "music", "long", "short")


def write_tsv(path, rows, header=("text", "label")):
    """Writes rows of a tsv file; returns its path."""
    lines = ["\t".join(map(str, row)) for row in ([header] if header else []) + list(rows)]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def sound_rows(count, labels=("bad", "good"), start=0):
    """Returns rows in which nothing is to be found: texts differ, labels take turns."""
    size = len(WORDS)

    def text(n):
        words = [WORDS[n % size], WORDS[n // size % size], WORDS[n // size**2 % size]]
        return f"{' '.join(words)} number{n}"

    return [(text(n), labels[n % len(labels)]) for n in range(start, start + count)]


def config_of(train, dev=None, test=None, **fields):
    """Returns the config of such files."""
    splits = {"train_files": train, "dev_files": dev, "test_files": test}
    named = {name: (path,) if path else () for name, path in splits.items()}
    return ClassificationData(**{**named, "text_column": "text", "label_column": "label", **fields})


def found(report, check, split=None):
    """Returns the findings of a check."""
    return [
        finding
        for finding in report.findings
        if finding.check == check and split in (None, finding.split)
    ]


def one(report, check, split=None):
    """Returns the one finding of a check."""
    [finding] = found(report, check, split)
    return finding
