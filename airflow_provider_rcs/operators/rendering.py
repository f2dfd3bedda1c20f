"""How Airflow renders the arguments of operators and sensors: templates to text, and data not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_rcs.api.errors import RcsInputError

if TYPE_CHECKING:
    import jinja2

    # What the mixin is mixed into.
    from airflow.providers.common.compat.sdk import BaseOperator as _Templated
    from airflow.providers.common.compat.sdk import Context
    from airflow.sdk.definitions.mappedoperator import OperatorPartial
else:
    _Templated = object

_FRAME_LIBRARIES = ("pandas", "polars", "pyarrow")
# What dicts of names and values hold. In place of a table, a dict is a mistake, and its keys may be data.
_NAMED_VALUES = ("constant", "parameter")
_MOST_COLUMNS, _LONGEST_COLUMN = 20, 40
_PATH = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s{}\[\]\"]+")
_LONG_NUMBER = re.compile(r"\d{5,}")


class Data:
    """Data that an operator was given: Airflow renders nothing in it, and shows its size and columns only.

    :param value: the data.
    :param noun: what one entry is, such as ``"recipient"``.
    """

    __slots__ = ("noun", "value")

    def __init__(self, value: Any, noun: str) -> None:
        self.value = value
        self.noun = noun

    def __str__(self) -> str:
        """Return what Airflow stores and shows in place of the data."""
        return f"<{_describe(self.value, self.noun)}>"

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        """Compare the data, so that an argument equals what it was given; tables only with themselves."""
        value = unguarded(other)
        return self.value is value or (isinstance(self.value, list | tuple | dict | str) and bool(self.value == value))

    __hash__ = None  # type: ignore[assignment]

    def __deepcopy__(self, memo: object) -> Data:
        """Return itself: Airflow makes deep copies of operators, and a large table must not be copied."""
        return self


def guarded(value: Any, noun: str) -> Any:
    """Return an argument as Airflow may have it.

    A text or an object storage path is a template, and a reference to the result of a task is resolved by Airflow, also
    inside a list or a dict. Everything else becomes :class:`Data`.
    """
    return value if value is None or _is_template(value) else _guarded_data(value, noun)


def unguarded(value: Any) -> Any:
    """Return an argument as the operator was given it, with what Airflow has rendered and resolved."""
    if isinstance(value, Data):
        return value.value
    if type(value) in (list, tuple):
        return type(value)(map(unguarded, value))
    if type(value) is dict:
        return {key: unguarded(each) for key, each in value.items()}
    return value


def dict_of(argument: str, value: Any) -> Mapping[str, Any]:
    """Return an argument that is a dict, or an empty one if it is not given.

    :raises RcsInputError: if it is anything else; names the argument.
    """
    given = unguarded(value)
    if given is None or isinstance(given, Mapping):
        return given or {}
    raise _not_a(argument, given, "dict")


def list_of(argument: str, value: Any) -> Sequence[Any] | None:
    """Return an argument that is a list, also as a text with commas; ``None`` if it is not given.

    :raises RcsInputError: if it is anything else; names the argument.
    """
    given = unguarded(value)
    if isinstance(given, str):
        return [text.strip() for text in given.split(",")] if given.strip() else []
    if given is None or isinstance(given, list | tuple):
        return given
    raise _not_a(argument, given, "list")


def parameters_of(value: Any) -> Any:
    """Return the values to bind to a query.

    :raises RcsInputError: if they are a text, such as a template becomes.
    """
    given = unguarded(value)
    if isinstance(given, str):
        raise _not_a("parameters", given, "dict or a list")
    return given


def _not_a(argument: str, value: object, kind: str) -> RcsInputError:
    return RcsInputError(
        argument,
        f"a {type(value).__name__} is not a {kind}",
        "Give one, or the output of a task that returns one; a template becomes a text.",
    )


class RendersToText(_Templated):
    """Mixin of operators and sensors, before Airflow's class.

    Templates are rendered to text, also in a DAG that renders them to native objects, where ``"12.50"`` would become
    12.5. Data is never a template: neither what ``data_fields`` hold, nor what a task has returned.

    :cvar data_fields: arguments that hold data -> what one entry of it is.
    :cvar guarded_fields: those of them that ``__init__`` guards, because nothing in a list or a table is a template.
    :cvar native_fields: those of them whose text is rendered as the DAG says, so that it can become a list.
    :cvar default_templates: defaults of arguments that are templates.
    """

    data_fields: ClassVar[Mapping[str, str]] = {}
    guarded_fields: ClassVar[tuple[str, ...]] = ()
    native_fields: ClassVar[tuple[str, ...]] = ()
    default_templates: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, render_template_as_native_obj: bool | None = None, **kwargs: Any) -> None:
        super().__init__(render_template_as_native_obj=False, **kwargs)
        self._renders_data_natively = render_template_as_native_obj

    @classmethod
    def partial(cls, **kwargs: Any) -> OperatorPartial:
        """Return the operator to be mapped, with data guarded: Airflow stores it before ``__init__`` is called."""
        given = {name: guarded(kwargs[name], cls.data_fields[name]) for name in cls.guarded_fields if name in kwargs}
        mapped: OperatorPartial = super().partial(**(kwargs | given))
        return mapped

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Render an argument, or a part of one."""
        if content is None:
            return None
        field = next((name for name in self.data_fields if getattr(self, name, None) is content), None)
        if self._was_returned_by_a_task(content, context):
            rendered = content
        elif field in self.native_fields and isinstance(content, str):
            rendered = self._render_as_the_dag_does(content, context, seen_oids)
        else:
            rendered = super().render_template(content, context, self._text_environment(jinja_env), seen_oids)
        if field is None:
            return rendered
        if isinstance(content, list | tuple | dict):  # with references inside, which are resolved now
            rendered = unguarded(rendered)
        # Without looking for references, because none is left. A text that is no path may be data, written as one.
        is_shown = _PATH.fullmatch(rendered) if isinstance(rendered, str) else _is_template(rendered)
        return rendered if is_shown else Data(rendered, self.data_fields[field])

    def _render_as_the_dag_does(self, content: str, context: Context, seen_oids: set[int] | None) -> Any:
        self.render_template_as_native_obj = self._renders_data_natively
        try:
            return super().render_template(content, context, self.get_template_env(), seen_oids)
        finally:
            self.render_template_as_native_obj = False

    def _text_environment(self, jinja_env: jinja2.Environment | None) -> jinja2.Environment | None:
        """Return an environment that renders to text; Airflow gives that of the DAG, whatever the operator says."""
        from jinja2.nativetypes import NativeEnvironment

        return self.get_template_env() if isinstance(jinja_env, NativeEnvironment) else jinja_env

    def _was_returned_by_a_task(self, content: object, context: Context) -> bool:
        """Return whether this is an argument that a task has returned for ``expand_kwargs``.

        Airflow renders these, but not what a task has returned for ``expand`` or for a single argument.
        """
        dag = self.get_dag()
        mapped: Any = dag and dag.task_dict.get(self.task_id)
        if not hasattr(mapped, "expand_input") or any(content is each for each in self.default_templates):
            return False
        arguments = mapped.expand_input.value
        if isinstance(arguments, list | tuple):
            map_index: Any = context["ti"].map_index
            arguments = arguments[map_index]
        if isinstance(arguments, Mapping):  # written in the DAG, or given to `expand`
            return False
        returned = (name for name in self.template_fields if name not in mapped.partial_kwargs)
        return any(getattr(self, name, None) is content for name in returned)


def _guarded_data(value: Any, noun: str) -> Any:
    if _is_reference(value):
        return value
    if not _has_references(value):
        return Data(value, noun)
    if isinstance(value, dict):
        return {key: _guarded_data(each, noun) for key, each in value.items()}
    return [_guarded_data(each, noun) for each in value]


def _has_references(value: Any) -> bool:
    """Return whether a dict, or a list of anything or of dicts, has references to results of tasks as values."""
    if isinstance(value, dict):
        return any(map(_is_of_references, set(map(type, value.values()))))
    if not isinstance(value, list | tuple):
        return False
    cells = chain.from_iterable(each.values() for each in value if isinstance(each, dict))
    # By type, because a list may be long.
    return any(map(_is_of_references, {*map(type, value), *map(type, cells)}))


def _is_reference(value: object) -> bool:
    return _is_of_references(type(value))


def _is_of_references(kind: type) -> bool:
    """Return whether Airflow resolves values of a class, as it does ``task.output``."""
    return hasattr(kind, "resolve") and not issubclass(kind, os.PathLike)


def _is_template(value: object) -> bool:
    """Return whether Airflow may render a value, or finds nothing to render in it."""
    if isinstance(value, str | Data):
        return True
    return any(base.__name__ == "ObjectStoragePath" for base in type(value).__mro__)


def _describe(value: Any, noun: str) -> str:
    if isinstance(value, dict):
        return f"{_count(len(value), noun)}: {_list_columns(value)}" if noun in _NAMED_VALUES else f"{noun}s in a dict"
    if _is_frame(value):
        return f"{_count(len(value), noun)}: {_list_columns(_columns_of(value))}"
    if isinstance(value, list | tuple):
        return _describe_list(value, noun)
    return f"{noun}s in a {type(value).__name__}"


def _describe_list(values: Any, noun: str) -> str:
    if values and all(map(_is_frame, values)):
        rows = sum(map(len, values))
        return f"{_count(rows, noun)} in {_count(len(values), 'table')}: {_list_columns(_columns_of(values[0]))}"
    counted = _count(len(values), noun)
    first = values[0] if values else None
    return f"{counted}: {_list_columns(first)}" if isinstance(first, Mapping) and first else counted


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _is_frame(value: object) -> bool:
    library = type(value).__module__.partition(".")[0]
    return library in _FRAME_LIBRARIES and type(value).__name__ in ("DataFrame", "Table", "RecordBatch")


def _columns_of(frame: Any) -> Iterator[object]:
    return iter(frame.schema.names if type(frame).__name__ in ("Table", "RecordBatch") else frame.columns)


def _list_columns(columns: Any) -> str:
    # What is given in the wrong shape may have phones for its columns.
    names = [_LONG_NUMBER.sub("*", str(column))[:_LONGEST_COLUMN] for column in columns]
    shown = names[:_MOST_COLUMNS]
    return ", ".join([*shown, f"and {len(names) - len(shown)} more"] if len(names) > len(shown) else shown)
