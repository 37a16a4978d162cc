"""What became of the rows of a split, for the user."""

from keras_bert_cls.data.token_store import TokenStore


def data_report(split: str, store: TokenStore) -> str:
    """Returns how many rows there are and how many were left out, truncated or skipped, and why."""
    description = store.description
    parts = [f"{split}: {len(store):,} rows"]
    if description.get("unlabelled"):
        unlabelled = description["unlabelled"]
        parts[0] += f" ({len(store) - unlabelled:,} with a label, {unlabelled:,} without)"
    if description.get("left_out"):
        parts.append(f"{description['left_out']:,} left out (their text stands in dev or test)")
    if description.get("truncated"):
        parts.append(f"{description['truncated']:,} truncated to the maximum length")
    report = ", ".join(parts)
    return f"{report}\n{description['skipped']}" if description["skipped"] else report
