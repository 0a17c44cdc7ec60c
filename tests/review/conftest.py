"""The workspaces of the stages' tests, for people to look at."""

from tests.stages.conftest import encoded, herbarium, picture, recipe

__all__ = ["encoded", "herbarium", "picture", "recipe"]
