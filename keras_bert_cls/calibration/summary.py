"""A Decision in words."""

from keras_bert_cls.modeling.decision import Decision

_NAMES = {
    "nll": "negative log-likelihood",
    "ece": "expected calibration error",
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "coverage": "rows answered",
    "answered_accuracy": "right among answered rows",
    "accuracy": "rows answered and right",
    "out_of_scope_recall": "rows out of scope rejected",
    "auroc": "AUROC of the confidence",
    "fpr95": "FPR95 of the confidence",
}


def decision_summary(decision: Decision) -> str:
    """Returns several lines: the temperature and the thresholds, and what they changed."""
    fitted = decision.fitted
    found = "" if fitted["temperature_found"] else " (these rows do not determine one)"
    lines = [f"temperature {decision.temperature:.4g}{found}"]
    lines.append(f"  {'':<28}{'before':>8}{'after':>9}")
    for name, before in fitted["before"].items():
        lines.append(f"  {_NAMES[name]:<28}{before:8.4f}{fitted['after'][name]:9.4f}")
    if decision.unknown_label is None and decision.thresholds:
        own = fitted["labels_with_own_threshold"]
        lines.append(f"{own} of {len(decision.thresholds)} labels have a threshold other than 0.5")
    if "out_of_scope" in fitted:
        lines.append(f"{fitted['out_of_scope_rows']:,} rows out of scope")
        lines += _scores(fitted["out_of_scope"])
    if "rejection" in fitted:
        rejection = fitted["rejection"]
        own = rejection["labels_with_own_threshold"]
        others = f"; {own} labels have a threshold of their own" if own else ""
        lines.append(
            f"{decision.unknown_label!r} below {rejection['threshold']:.4f} "
            f"({rejection['goal']}){others}"
        )
        lines += _scores(rejection)
    return "\n".join(lines)


def _scores(scores: dict[str, float]) -> list[str]:
    return [f"  {text:<28}{scores[name]:8.4f}" for name, text in _NAMES.items() if name in scores]
