"""Stores are built once for the same files and settings."""

import os

import pytest

from keras_bert_cls.data.fingerprint import fingerprint, reuse_or_build
from keras_bert_cls.data.token_store import TokenStore, write_token_store
from keras_bert_cls.errors import UserError


def test_the_digest_changes_with_files_and_settings(tmp_path):
    one, two = tmp_path / "a.tsv", tmp_path / "b.tsv"
    one.write_text("x")
    two.write_text("y")
    files, settings = (str(one), str(two)), {"a": 1, "b": ("x",)}
    digest = fingerprint(files, settings)
    assert fingerprint(files, {"b": ["x"], "a": 1}) == digest
    assert fingerprint((str(tmp_path / "*.tsv"),), settings) == digest
    others = {
        fingerprint(files[::-1], settings),
        fingerprint(files[:1], settings),
        fingerprint(files, {"a": 2, "b": ("x",)}),
    }
    os.utime(one, ns=(0, 5))
    others.add(fingerprint(files, settings))
    one.write_text("xx")
    os.utime(one, ns=(0, 5))
    others.add(fingerprint(files, settings))
    assert len(others | {digest}) == 6


def test_missing_files_are_a_user_error(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        fingerprint((str(tmp_path / "a.tsv"),), {})


def test_a_store_is_built_again_only_for_another_digest(tmp_path):
    folder, built = tmp_path / "store", []

    def open_store(digest, fail=False):
        def build(folder):
            with write_token_store(folder, {"a": "int32"}, (), {"digest": digest}):
                built.append(digest)
                if fail:
                    raise KeyboardInterrupt
            return TokenStore(folder)

        return reuse_or_build([folder], digest, build).description["digest"]

    assert open_store("one") == open_store("one") == "one"
    assert built == ["one"]
    assert open_store("two") == "two"
    with pytest.raises(KeyboardInterrupt):
        open_store("three", fail=True)
    assert open_store("two") == "two"
    assert open_store("three") == "three"
    assert built == ["one", "two", "three", "three"]

    # A store whose building was killed right before its mark was written is not trusted.
    (folder / "fingerprint").unlink()
    assert open_store("three") == "three"
    assert built[4:] == ["three"]
