"""The values of a regression in each split."""

import array

import numpy as np

from keras_bert_cls.data_check.finding import Finding, Severity
from keras_bert_cls.data_check.split_rows import CheckedRow


class ValueRange:
    """Gathers the values that the model is to predict."""

    def __init__(self):
        self._values: dict[str, array.array] = {}

    def add(self, checked: CheckedRow) -> None:
        """Notes a row."""
        if isinstance(checked.target, float):
            self._values.setdefault(checked.split, array.array("d")).append(checked.target)

    def summary(self, split: str) -> dict[str, float]:
        """Returns minimum, mean, standard deviation and maximum of a split; {} without rows."""
        values = np.array(self._values.get(split, ()))
        if not values.size:
            return {}
        return {
            "min": float(values.min()),
            "mean": float(values.mean()),
            "deviation": float(values.std()),
            "max": float(values.max()),
        }

    def findings(self) -> list[Finding]:
        """Returns constant values, and values outside of those in train."""
        found = []
        train = self.summary("train")
        for split in self._values:
            values = np.array(self._values[split])
            if (values == values[0]).all():
                message = f"all values are {values[0]:g}: there is nothing to learn or to score"
                found.append(Finding(Severity.WARNING, "values", message, split))
            if not train or split == "train":
                continue
            outside = (values < train["min"]) | (values > train["max"])
            if outside.any():
                message = f"values lie outside of train's {train['min']:g} to {train['max']:g}"
                count, share = int(outside.sum()), float(outside.mean())
                found.append(Finding(Severity.NOTE, "values", message, split, count, share))
        return found
