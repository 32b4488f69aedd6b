"""What a bone age means for a child: reference tables as data, pure functions, no torch and no HTTP.

>>> from boneage.growth import Child, assess
>>> from boneage import Sex
>>> child = Child(Sex.MALE, age_months=120, bone_age_months=120, height_cm=140)
>>> assess(child).adult_heights[0].value
178.57
"""

from .child import Child
from .result import Growth, assess, child_of
from .velocity import Visit, follow_up

__all__ = ["Child", "Growth", "Visit", "assess", "child_of", "follow_up"]
