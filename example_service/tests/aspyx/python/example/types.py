"""The types of the example contract, for the reference: the twin of `example_service::component`."""
# No `from __future__ import annotations` in these modules: the reference does not resolve string annotations.
from dataclasses import dataclass
from enum import Enum
from typing import Optional

from pydantic import BaseModel

@dataclass
class Point:
    x: int
    y: int

@dataclass
class Scalars:
    i: int
    f: float
    b: bool
    s: str

class Tag(BaseModel):
    key: str
    value: Optional[str] = None

class Color(Enum):
    RED = "red"
    GREEN = "green"
