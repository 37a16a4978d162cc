"""Makes `keras.saving.load_model` find our layers after a plain `import keras_bert_cls`.

Keras only loads classes that were registered before, which needs Keras to be imported; importing it
here would make `import keras_bert_cls` slow. So the layers are registered at once where Keras is
already there, and otherwise right after somebody imports it.
"""

import importlib
import importlib.abc
import importlib.util
import sys

LAYERS_MODULE = "keras_bert_cls.modeling.layers"


class _AfterKerasFinder(importlib.abc.MetaPathFinder):
    """Finds `keras` like the other finders do and imports our layers once it is loaded.

    It stays until Keras is loaded: others look for Keras without importing it (TensorFlow does).
    """

    _searching = False

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "keras" or self._searching:
            return None
        self._searching = True
        try:
            spec = importlib.util.find_spec("keras")
        finally:
            self._searching = False
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_then_register(module):
                sys.meta_path.remove(self)
                load(module)
                importlib.import_module(LAYERS_MODULE)

            spec.loader.exec_module = load_then_register  # type: ignore[method-assign]
        return spec


def register_layers() -> None:
    """Registers our layers with Keras, now or as soon as Keras is imported."""
    if "keras" in sys.modules:
        importlib.import_module(LAYERS_MODULE)
    else:
        sys.meta_path.insert(0, _AfterKerasFinder())
