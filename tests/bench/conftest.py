"""Benches are programs of their own (`make bench`); pytest looks for their smoke tests alone."""

collect_ignore_glob = ["[!t]*.py"]
