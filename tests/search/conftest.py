"""The workspaces of the stages' tests, to search in."""

from tests.stages.conftest import encoded, herbarium, picture, recipe

__all__ = ["encoded", "herbarium", "picture", "recipe"]
