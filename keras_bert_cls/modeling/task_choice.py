"""Which of a model's tasks is asked. Imports no TensorFlow: exports are asked without Keras."""

from collections.abc import Sequence

from keras_bert_cls.errors import UserError, closest

MASKED_LM = "masked_lm"  # the name of the masked LM that is learned beside tasks


def require_task(task: str | None, tasks: Sequence[str]) -> None:
    """Raises UserError if `task` names none of a model's tasks, or is None though it has some."""
    names = ", ".join(tasks)
    if tasks and task is None:
        raise UserError(f"the model has several tasks: name one of {names}")
    if task is not None and not tasks:
        raise UserError(f"the model has one task only, which has no name: leave out {task!r}")
    if task is not None and task not in tasks:
        raise UserError(f"the model has no task {task!r}; it has {names}.{closest(task, tasks)}")
