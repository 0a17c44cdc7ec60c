"""The workspaces of the stages' tests and the browser of the layout's, for people to look at copies with."""

from tests.layout.conftest import browser
from tests.stages.conftest import cabinet, encoded, full_cabinet, herbarium, picture, recipe

__all__ = ["browser", "cabinet", "encoded", "full_cabinet", "herbarium", "picture", "recipe"]
