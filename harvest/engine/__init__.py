"""From encoded images to all that is made of them: one decode each, batches that keep the device busy.

`look` decodes in worker processes and yields batches; `look_at` is the same for one image's bytes. A `Runner` holds a
model on its device and turns framed pixels into vectors.
"""

from harvest.engine.decoders import Batch, look
from harvest.engine.embedding import Embedded, embed
from harvest.engine.look import Fault, Order, Seen, look_at, readable
from harvest.engine.runner import Runner

__all__ = ["Batch", "Embedded", "Fault", "Order", "Runner", "Seen", "embed", "look", "look_at", "readable"]
