"""Work over many machines: what a recipe wants of each image, made on a Ray cluster and brought into the ledger.

`scale` has workers make what is missing and leaves it as Parquet under a manifest; `take_result` takes it in. Both are
imported from their modules, so that taking in needs no Ray.
"""
