"""The base of all answers: a Struct that a query fills, msgspec writes, and FastAPI describes. One class from the row to the document.

A field that some answers leave out has `UnsetType` among its types and `UNSET` as its default. A field without a default must be filled: a query
that forgets it does not pass the type check.
"""

from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from msgspec import Struct, StructMeta, UnsetType
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema
from pydantic_core.core_schema import typed_dict_field, typed_dict_schema


class _Joining(StructMeta):
    """Lets an answer inherit the fields of several: of the bases of a Struct one alone may have fields.

    The first base comes first. The fields of the others are made anew behind its own, so that no instance is one of those.
    """

    def __new__(mcls, name: str, bases: tuple[type["Answer"], ...], namespace: dict[str, Any], **config: Any) -> Any:
        base: Any
        base, *others = bases
        for other in others:
            fields = {field: annotation for field, annotation in annotations_of(other).items() if field not in base.__struct_fields__}
            joined = {"__module__": other.__module__, "__annotations__": fields}
            base = super().__new__(mcls, f"{base.__name__}{other.__name__}", (base,), joined, kw_only=True)
        return super().__new__(mcls, name, (base,), namespace, **config)


class Answer(Struct, metaclass=_Joining, forbid_unknown_fields=True):
    """An endpoint's answer, or a part of it."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """For `response_model`: the fields with their types and descriptions. Nothing is validated by it."""
        fields = {
            name: typed_dict_field(handler.generate_schema(_when_set(annotation)), required=not may_be_absent(annotation))
            for name, annotation in annotations_of(cls).items()
        }
        # Pydantic names the schema by the last part of the reference, and takes the docstring of the class.
        return typed_dict_schema(fields, cls=cls, cls_name=cls.__name__, ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}")


@cache
def annotations_of(answer: type[Answer]) -> dict[str, Any]:
    """The fields in the order in which they are written, with descriptions, those of base classes first."""
    hints = get_type_hints(answer, include_extras=True)
    return {name: hints[name] for name in answer.__struct_fields__}


def may_be_absent(annotation: Any) -> bool:
    """Whether some answers leave the field out."""
    return UnsetType in _variants(annotation)


def value_type(annotation: Any) -> Any:
    """The type of the field's value, without descriptions; a union if it has several."""
    kept = tuple(each for each in _variants(annotation) if each is not UnsetType)
    return Union[kept]  # noqa: UP007 - built at run time


def _variants(annotation: Any) -> tuple[Any, ...]:
    """The types that a union consists of."""
    if get_origin(annotation) is Annotated:
        return _variants(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return tuple(each for variant in get_args(annotation) for each in _variants(variant))
    return (annotation,)


def _when_set(annotation: Any) -> Any:
    """The annotation as the document tells it: without UnsetType, with all descriptions."""
    if get_origin(annotation) is Annotated:
        inner, *notes = get_args(annotation)
        return Annotated[(_when_set(inner), *notes)]
    if get_origin(annotation) in (Union, UnionType):
        # A named type with a description may stand in the union: it is the only one, and its description is the field's.
        kept = tuple(_when_set(each) for each in get_args(annotation) if each is not UnsetType)
        return Union[kept]  # noqa: UP007 - built at run time
    return annotation
