"""Reads the ops and kernels that the C library of a TensorFlow wheel registers.

  python tools/read_registry.py TENSORFLOW_FOLDER OUTPUT [CUSTOM_OPS.so ...]

Writes OUTPUT/ops.pb (an OpList) and OUTPUT/kernels.pb (a KernelList): what the libraries of a
TensorFlow wheel register, and the custom op libraries that are loaded into it. A process of its
own, because a process holds one TensorFlow; it needs neither Python's TensorFlow nor its
dependencies.
"""

import ctypes
import pathlib
import sys


class _Buffer(ctypes.Structure):
    """TF_Buffer of tensorflow/c/tf_buffer.h."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("data_deallocator", ctypes.c_void_p),
    )


def read_registry(tensorflow: pathlib.Path, output: pathlib.Path, libraries: list[str]) -> None:
    """Loads the libraries and writes what they register."""
    ctypes.CDLL(str(tensorflow / "libtensorflow_framework.so.2"), mode=ctypes.RTLD_GLOBAL)
    api = ctypes.CDLL(str(tensorflow / "libtensorflow_cc.so.2"), mode=ctypes.RTLD_GLOBAL)
    api.TF_NewStatus.restype = ctypes.c_void_p
    api.TF_Message.restype = ctypes.c_char_p
    api.TF_Message.argtypes = api.TF_GetCode.argtypes = [ctypes.c_void_p]
    api.TF_LoadLibrary.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    api.TF_LoadLibrary.restype = ctypes.c_void_p
    api.TF_GetAllOpList.restype = ctypes.POINTER(_Buffer)
    api.TF_GetAllRegisteredKernels.argtypes = [ctypes.c_void_p]
    api.TF_GetAllRegisteredKernels.restype = ctypes.POINTER(_Buffer)
    status = api.TF_NewStatus()
    for library in libraries:
        api.TF_LoadLibrary(library.encode(), status)
        if api.TF_GetCode(status):
            raise SystemExit(f"{library}: {api.TF_Message(status).decode()}")
    (output / "ops.pb").write_bytes(_bytes(api.TF_GetAllOpList()))
    (output / "kernels.pb").write_bytes(_bytes(api.TF_GetAllRegisteredKernels(status)))


def _bytes(buffer) -> bytes:
    return ctypes.string_at(buffer.contents.data, buffer.contents.length)


if __name__ == "__main__":
    read_registry(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:])
