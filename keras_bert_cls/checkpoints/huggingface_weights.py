"""The tensors of a Hugging Face folder: model.safetensors, or pytorch_model.bin if allowed."""

import pathlib

from keras_bert_cls.checkpoints.json_config import JsonConfig
from keras_bert_cls.checkpoints.stored_tensor import StoredTensor
from keras_bert_cls.errors import UserError

WEIGHTS_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
PICKLE_FILE = "pytorch_model.bin"
# Names of 2018's pytorch-pretrained-bert, which some files still have.
_OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


def read_tensors(folder: pathlib.Path, allow_pickle_weights: bool) -> dict[str, StoredTensor]:
    """Opens the weights of a folder; safetensors where there are both kinds.

    Args:
      folder: the model's folder.
      allow_pickle_weights: whether pytorch_model.bin may be read, by torch.load(weights_only=True).

    Returns:
      The tensors by name, LayerNorm.gamma and LayerNorm.beta renamed to weight and bias.

    Raises:
      UserError: there are no weights, they are damaged, or a package to read them is missing.
    """
    if (folder / INDEX_FILE).is_file():
        tensors = _read_shards(folder)
    elif (folder / WEIGHTS_FILE).is_file():
        tensors = _read_safetensors(folder / WEIGHTS_FILE)
    elif (folder / PICKLE_FILE).is_file():
        tensors = _read_pickle(folder / PICKLE_FILE, allow_pickle_weights)
    else:
        raise UserError(
            f"{folder} holds no weights: expected {WEIGHTS_FILE}, {INDEX_FILE} or {PICKLE_FILE}"
        )
    return {_new_name(name): tensor for name, tensor in tensors.items()}


def _new_name(name: str) -> str:
    for old, new in _OLD_NAMES.items():
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name


def _read_safetensors(path: pathlib.Path) -> dict[str, StoredTensor]:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise UserError(
            f"reading {path} needs the package safetensors: pip install 'keras_bert_cls[hf]'"
        ) from error
    try:
        file = safe_open(path, framework="numpy")
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is no whole safetensors file: {error}. Get it again.") from error

    def tensor(name: str) -> StoredTensor:
        shape = tuple(file.get_slice(name).get_shape())
        return StoredTensor(shape, lambda: file.get_tensor(name))

    return {name: tensor(name) for name in file.keys()}  # noqa: SIM118


def _read_shards(folder: pathlib.Path) -> dict[str, StoredTensor]:
    files = JsonConfig(folder / INDEX_FILE).nested("weight_map").content
    tensors: dict[str, StoredTensor] = {}
    for name in sorted(set(map(str, files.values()))):
        if pathlib.Path(name).name != name:
            raise UserError(f"{folder / INDEX_FILE}: expected names of files beside it: {name!r}")
        tensors |= _read_safetensors(folder / name)
    lost = sorted(set(files) - set(tensors))
    if lost:
        raise UserError(f"{folder / INDEX_FILE} names tensors that no file holds: {lost[:12]}")
    return tensors


def _read_pickle(path: pathlib.Path, allowed: bool) -> dict[str, StoredTensor]:
    if not allowed:
        raise UserError(
            f"{path} is a pickle, which is read only if you allow it (--allow_pickle_weights), and "
            f"then as nothing but tensors. Better: the model's {WEIGHTS_FILE}, if there is one."
        )
    try:
        import torch
    except ImportError as error:
        raise UserError(f"reading {path} needs PyTorch: pip install torch") from error
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch names no class for what it finds in a damaged file
        raise UserError(f"{path} could not be read as tensors only: {error}") from error

    def tensor(value) -> StoredTensor:
        return StoredTensor(tuple(value.shape), lambda: value.float().numpy())

    return {name: tensor(value) for name, value in state.items()}
