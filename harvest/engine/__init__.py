"""Pictures through models at the speed of the machine: decoded once, in batches, on whatever device there is."""
